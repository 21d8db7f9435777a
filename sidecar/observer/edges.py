"""Who feeds whom: the edges of the graph of models that this sidecar is part of.

An edge comes to our model by the chain in a call's baggage (`sidecar.tracing.chain`), and leaves it by its
own calls through the egress (`sidecar.proxy.egress`); one to a tool and back is two halves of a conversation
(`sidecar.observer.tools`). Counts only, so those of any number of pods add up; an
edge is told of by both its ends. Counterpart: `sidecar.console.chain_view`, which shows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from sidecar.exchange import Alike, Outbound, Record
from sidecar.tracing.chain import chain, odd

MOST_EDGES = 256
"""Edges that are told apart; baggage is anybody's to write, so names must not fill the memory."""

OTHER = "other"

TOOL = "tool:"
"""What the names of tools begin with, which are no models: they stand at the other end of an edge."""


class Edge(NamedTuple):
    """From one model to another, by service name; a target of the egress goes by its route or host."""

    source: str
    target: str

    @property
    def is_of_tool(self) -> bool:
        """Whether one of its ends is a tool and no model."""
        return self.source.startswith(TOOL) or self.target.startswith(TOOL)


class Counts(msgspec.Struct):
    """What passed along an edge. `flagged` are calls with at least one odd row; `upstream_odd` are those
    whose sender was itself answering an odd question, and `both` those where the two meet."""

    calls: int = 0
    rows: int = 0
    failed: int = 0
    flagged: int = 0
    upstream_odd: int = 0
    both: int = 0

    def merge(self, other: Counts) -> None:
        """Add the counts of another stretch of time or another pod."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class KeptEdges(msgspec.Struct, frozen=True):
    """The graph as it is kept on disk."""

    edges: tuple[tuple[str, str, Counts], ...] = ()
    joins: dict[str, int] = {}


class Edges:
    """Every edge at `service`, our own model."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.counts: dict[Edge, Counts] = {}
        self.joins: dict[str, int] = {}
        """Outbound calls by how they were joined."""

    def update(self, records: Iterable[Record]) -> None:
        """Take in calls to our model."""
        for record in records:
            self._update(record, 1, record.rows)

    def update_alike(self, alike: Iterable[Alike]) -> None:
        """Take in calls to our model that are told in brief."""
        for one in alike:
            self._update(one.record, one.calls, one.rows)

    def _update(self, record: Record, calls: int, rows: int) -> None:
        if record.span.baggage:
            before = chain(record.span.baggage)
            if before and before[-1] != self.service:
                upstream_odd = odd(record.span.baggage)
                self._count(Edge(before[-1], self.service), record, upstream_odd, calls, rows)

    def update_origin(self, record: Record, source: str, odd_there: bool) -> None:
        """Take in a call to our model whose question was known again as an answer of `source`. One whose
        baggage named its sender is counted already."""
        before = chain(record.span.baggage) if record.span.baggage else ()
        if source != self.service and not (before and before[-1] != self.service):
            self._count(Edge(source, self.service), record, odd_there)

    def update_asked(self, record: Record, tool: str) -> None:
        """Take in a call whose answer asks for a tool."""
        asked = msgspec.structs.replace(record, flagged=())  # what the tool was asked, nobody has scored
        self._count(Edge(self.service, TOOL + tool), asked, upstream_odd=bool(record.flagged))

    def update_returned(self, record: Record, tool: str, odd_there: bool) -> None:
        """Take in a call that brings a tool's result; `odd_there`: the call that asked for it was odd."""
        self._count(Edge(TOOL + tool, self.service), record, odd_there)

    def update_outbound(self, outbound: Iterable[Outbound]) -> None:
        """Take in calls of our model."""
        for call in outbound:
            self.joins[call.joined.how] = self.joins.get(call.joined.how, 0) + 1
            self._count(Edge(self.service, call.to), call.record, odd(call.record.span.baggage))

    def _count(
        self, edge: Edge, record: Record, upstream_odd: bool, calls: int = 1, rows: int | None = None
    ) -> None:
        """Count calls that are as `record` is; `rows` are those of all of them."""
        counts = self.counts.get(edge)
        if counts is None:
            if len(self.counts) >= MOST_EDGES:
                edge = Edge(edge.source, OTHER) if edge.source == self.service else Edge(OTHER, edge.target)
            counts = self.counts.setdefault(edge, Counts())
        flagged = bool(record.flagged)
        counts.calls += calls
        counts.rows += record.rows if rows is None else rows
        counts.failed += calls * (bool(record.failure) or record.status >= 500)
        counts.flagged += calls * flagged
        counts.upstream_odd += calls * upstream_odd
        counts.both += calls * (flagged and upstream_odd)

    def snapshot(self) -> KeptEdges:
        """What `merge` takes."""
        return KeptEdges(tuple((*edge, counts) for edge, counts in self.counts.items()), dict(self.joins))

    def merge(self, kept: KeptEdges) -> None:
        """Add what was kept."""
        for source, target, counts in kept.edges:
            self.counts.setdefault(Edge(source, target), Counts()).merge(counts)
        for how, count in kept.joins.items():
            self.joins[how] = self.joins.get(how, 0) + count
