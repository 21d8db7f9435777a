"""Before anything is timed: does the proxy do the work at all?

A proxy that answers wrongly, or a scorer that does not score, would win every benchmark.
"""

from __future__ import annotations

from http.client import HTTPException

from bench.rig.caller import Caller
from bench.rig.payloads import Payload, odd_row
from bench.rig.peers import Peer


class NotWorking(Exception):
    """The proxy does not do what is going to be timed. The message says which call went wrong, and how."""


def prove(peer: Peer, port: int, payload: Payload) -> None:
    """Send every body once. Raises NotWorking unless each gets the backend's reply and the right verdict."""
    calls = [(f"body {number}", body, peer.verdict) for number, body in enumerate(payload.bodies)]
    if peer.scores and payload.name == "json":
        calls.append(("an odd row", odd_row(), "outlier"))
    with Caller(port, payload) as caller:
        for what, body, expected in calls:
            _prove_one(caller, f"{peer.name}, {payload.name}, {what}", payload, body, expected)


def _prove_one(caller: Caller, what: str, payload: Payload, body: bytes, expected: str | None) -> None:
    try:
        answer = caller.call(body)
    except (OSError, HTTPException) as error:
        raise NotWorking(f"{what}: {error!r}") from error
    if answer.status != 200 or answer.body != payload.reply:
        size = f"{len(answer.body)} bytes instead of {len(payload.reply)}"
        raise NotWorking(f"{what}: status {answer.status}, {size}: {answer.body[:200]!r}")
    verdict = answer.headers["x-anomaly-verdict"]
    said = verdict and verdict.partition(";")[0]
    # Whether pass-through says `unscored` or nothing is its own affair; that it must not score is ours.
    if said != expected and not (said is None and expected == "unscored"):
        raise NotWorking(f"{what}: verdict {verdict}, expected {expected}")
