"""Signs of an attack as text: the value of `x-anomaly-evidence`, which captures keep, too.

A list of RFC 9651: a token for each sign, its numbers as parameters. Written by the data plane, read back
where a capture is replayed.
"""

from __future__ import annotations

import re

from sidecar.exchange import Evidence


def written(evidence: tuple[Evidence, ...]) -> str:
    """`query-sequence;n=14;since=@1790000000;clients=1`, several joined by a comma."""
    return ", ".join(
        f"{one.sign};n={one.n};since=@{int(one.since)};clients={one.clients}" for one in evidence
    )


def read(text: str) -> tuple[Evidence, ...]:
    """The evidence that `written` wrote; what it did not write is left out."""
    return tuple(
        Evidence("query-sequence", int(n), float(since), int(clients))
        for n, since, clients in _SEQUENCE.findall(text)
    )


_SEQUENCE = re.compile(r"query-sequence;n=(\d+);since=@(\d+);clients=(\d+)")
