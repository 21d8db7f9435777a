"""Signs of an attack as text: the value of `x-anomaly-evidence`, which captures keep, too.

A list of RFC 9651: a token for each sign, its numbers as parameters. Written by the data plane, read back
where a capture is replayed.
"""

from __future__ import annotations

import re

from sidecar.exchange import Evidence


def written(evidence: tuple[Evidence, ...]) -> str:
    """`query-sequence;n=14;since=@1790000000;clients=1`, `noise;p=0.0004;by="grain"`, several joined by a
    comma."""
    return ", ".join(map(_one, evidence))


def read(text: str) -> tuple[Evidence, ...]:
    """The evidence that `written` wrote; what it did not write is left out."""
    return tuple(
        Evidence("query-sequence", int(n), float(since), int(clients))
        if n
        else Evidence(sign, p=float(p), by=by)
        for n, since, clients, sign, p, by in _WRITTEN.findall(text)
    )


def _one(one: Evidence) -> str:
    if one.sign == "query-sequence":
        return f"{one.sign};n={one.n};since=@{int(one.since)};clients={one.clients}"
    return f'{one.sign};p={one.p:.7f};by="{one.by}"'


_WRITTEN = re.compile(
    r"query-sequence;n=(\d+);since=@(\d+);clients=(\d+)"
    r"|(noise|inconsistent|text);p=([\d.]+);by=\"([^\"]*)\""
)
