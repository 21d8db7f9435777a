"""Old questions, to be asked again: a model that answers them otherwise has changed, whatever else has.

Only where the setting `canary-seconds` allows it, because the model must be one that may be asked twice. Pure
state; counterparts: `sidecar.console.replaying`, which asks; `sidecar.cascade`, which believes it over
everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sidecar.cascade import Replayed
from sidecar.cascade.pairs import Value
from sidecar.errors import Undecodable
from sidecar.exchange import Record
from sidecar.observer.answers import decoded
from sidecar.observer.paired import Side, able, side

QUESTIONS = 8
"""Questions that are kept: the first ones that went well, each different."""

BYTES = 65_536
"""Bytes of each side of a call that is kept."""

TOLERANCE = 1e-4
"""Relative difference of two numbers up to which they are the same: sums may be taken in another order."""


class Canary:
    """The questions of one model, and what came of asking them again."""

    def __init__(self, wanted: bool) -> None:
        self.questions: list[tuple[Record, Side]] = []
        self.replayed: Replayed | None = None
        self._wanted = wanted

    def update(self, records: Sequence[Record]) -> None:
        """Keep the first questions."""
        if not self._wanted or len(self.questions) >= QUESTIONS:
            return
        for record in records:
            known = any(old.request_body == record.request_body for old, _ in self.questions)
            large = max(len(record.request_body), len(record.response_body)) > BYTES
            if known or large or not able(record) or len(self.questions) >= QUESTIONS:
                continue
            if (answer := read(record)) is not None:
                self.questions.append((record, answer))

    def judge(self, answers: Sequence[Side | None], now: float) -> None:
        """Take in one round of answers, in the order of the questions; None where there was none to be
        read."""
        pairs = [
            (theirs, answer)
            for (_, theirs), answer in zip(self.questions, answers, strict=False)
            if answer is not None
        ]
        if not pairs:
            return
        same = sum(alike(theirs, answer) for theirs, answer in pairs)
        different = len(pairs) - same
        before = self.replayed
        # In the first round the model is the one that gave the answers, or nothing can be said.
        steady = different == 0 if before is None else before.steady
        since = before.different_since if before is not None else 0.0
        self.replayed = Replayed(
            same,
            different,
            steady,
            now if different == 0 else (before.same_until if before is not None else 0.0),
            (since or now) if different else 0.0,
        )


def read(record: Record) -> Side | None:
    """A call's answer; None where it cannot be read."""
    try:
        found = side(decoded(record))
    except Undecodable:
        return None
    return found if found.rows else None


def alike(ours: Side, theirs: Side) -> bool:
    """Whether two answers are the same, but for the last digits of their numbers."""
    return (
        ours.names == theirs.names
        and len(ours.rows) == len(theirs.rows)
        and all(
            _same(a, b)
            for left, right in zip(ours.rows, theirs.rows, strict=True)
            for a, b in zip(left, right, strict=True)
        )
    )


def _same(ours: Value, theirs: Value) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        both_nan = math.isnan(ours) and math.isnan(theirs)
        return both_nan or math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=1e-9)
    return ours == theirs
