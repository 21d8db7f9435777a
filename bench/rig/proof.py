"""Before anything is timed: does the proxy do the work at all?

A proxy that answers wrongly, or a scorer that does not score, would win every benchmark.
"""

from __future__ import annotations

import http.client

from bench.rig.payloads import Payload, odd_row
from bench.rig.peers import Peer

_PATIENCE = 120.0
"""Seconds. A connection waits in the backlog while the proxy starts, and under callgrind that takes long."""


class NotWorking(Exception):
    """The proxy does not do what is going to be timed. The message says which call went wrong, and how."""


def prove(peer: Peer, port: int, payload: Payload) -> None:
    """Send every body once. Raises NotWorking unless each gets the backend's reply and the right verdict."""
    for number, body in enumerate(payload.bodies):
        verdict = _call(peer, port, payload, body, f"body {number}")
        _expect(peer, payload, f"body {number}", peer.verdict, verdict)
    if peer.scores and payload.name == "json":
        verdict = _call(peer, port, payload, odd_row(), "an odd row")
        _expect(peer, payload, "an odd row", "outlier", verdict)


def _call(peer: Peer, port: int, payload: Payload, body: bytes, what: str) -> str | None:
    """The verdict in the answer's headers, without its parameters."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    headers = dict(line.split(": ", 1) for line in payload.headers)
    try:
        connection.request("POST", payload.target, body, headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NotWorking(f"{peer.name}, {payload.name}, {what}: {error!r}") from error
    connection.close()
    if answer.status != 200 or text != payload.reply:
        raise NotWorking(
            f"{peer.name}, {payload.name}, {what}: status {answer.status}, {len(text)} bytes instead of "
            f"{len(payload.reply)}: {text[:200]!r}"
        )
    verdict = answer.headers["x-anomaly-verdict"]
    return verdict and verdict.partition(";")[0]


def _expect(peer: Peer, payload: Payload, what: str, expected: str | None, verdict: str | None) -> None:
    # Whether pass-through says `unscored` or nothing is its own affair; that it must not score is ours.
    if verdict == expected or (expected == "unscored" and verdict is None):
        return
    raise NotWorking(f"{peer.name}, {payload.name}, {what}: verdict {verdict}, expected {expected}")
