"""What became of one request in scoring: its score, or why it has none.

Counterparts: `sidecar.proxy.judging` says it, `sidecar.proxy.case` keeps it.
"""

from __future__ import annotations

from typing import NamedTuple

from sidecar.exchange import Payload, Score
from sidecar.scoring.prints import Prints

NAN = float("nan")


class Judged(NamedTuple):
    """What is known of a request once it has been judged; `features` is the block that a record carries."""

    score: Score
    model: str = ""
    version: str = ""
    rows: int = 0
    features: bytes = b""
    took_ns: int = 0
    baseline: str = ""
    names: tuple[str, ...] = ()
    """The columns of `features`."""
    prints: Prints | None = None
    """Where sequences are looked for: what to find others by that are alike."""
    brought: tuple[int, ...] = ()
    """Tool calls whose results the question brings back."""


def unscored(reason: str, payload: Payload | None = None) -> Judged:
    """No score, and why. `payload`: what could be read all the same."""
    brought = payload.brought if payload is not None else ()
    return Judged(Score("unscored", NAN, reason=reason), brought=brought)


UNKNOWN_FORMAT = unscored("unknown-format")
TOO_LARGE = unscored("too-large")
RESPONSE_FIRST = unscored("response-first")
DEADLINE = unscored("deadline")
BUSY = unscored("busy")
INTERNAL = unscored("internal")
POLICY = unscored("policy")
