"""For each bucket of a latency histogram the latest traced call that fell into it.

So a graph of latencies leads to a trace: OpenMetrics calls that an exemplar. Only sampled calls are taken,
because only their traces are surely somewhere. Counterpart: `sidecar.console.metric_values`, which prints
them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from sidecar.exchange import Record
from sidecar.observer.calls import SECONDS


class Exemplar(NamedTuple):
    """One call: its trace and our SERVER span, how long it took in seconds, and when it ended (Unix time)."""

    trace: str
    span: str
    seconds: float
    ended: float


class Exemplars:
    """One for each bucket of `SECONDS` at most, so they need no other bound."""

    def __init__(self) -> None:
        self.latest: dict[int, Exemplar] = {}
        """By the number of the bucket; the last one has no upper bound."""

    def update(self, records: Iterable[Record]) -> None:
        """Take in finished calls, in the order they ended."""
        for record in records:
            span = record.span
            if span.sampled and span.trace:
                seconds = record.ended_ns / 1e9
                ended = (record.started_ns + record.ended_ns) / 1e9
                self.latest[bisect_left(SECONDS, seconds)] = Exemplar(span.trace, span.server, seconds, ended)
