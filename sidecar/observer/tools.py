"""Tools between two calls of one conversation: who asked for them, and which call brought their result.

    an answer with tool calls -> remembered by digest -> the question with their results -> joined, once

So a chain shows what the model's own chain goes through outside: an edge to each tool and one back from it.
Everything is bounded; a call that nobody brings back is forgotten. Counterparts: `edges`, which counts;
`sidecar.codecs.tool_calls`, which reads both; `sidecar.console.exporting`, which links the two calls' spans.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sidecar.codecs.tool_calls import Wanted, brought_by, wanted
from sidecar.exchange import Record

CODEC = "openai"

MOST = 4_096
"""Tool calls remembered that wait for their result; about a megabyte."""

SECONDS = 3_600.0
"""How long one is: some tools are people."""

JOINED = 2_000
"""Calls whose origin is remembered until their spans are exported."""

NAMES = 64
"""Names of tools that are told apart: a model may make some up."""

OTHER = "other"


class Asking(NamedTuple):
    """A call whose answer asked for a tool."""

    tool: str
    trace: str
    span: str
    """Of our CLIENT span: the model's answer asked for it."""
    odd: bool
    since: float


class Tools:
    """One per observer. `asked` and `returned` are called with a call and the tool, once for each: when an
    answer asks for it, and when a question brings its result."""

    def __init__(
        self,
        asked: Callable[[Record, str], None],
        returned: Callable[[Record, Asking], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.unknown = 0
        """Results brought of calls that nobody was heard to ask for, or that were brought before."""
        self._asked = asked
        self._returned = returned
        self._clock = clock
        self._waiting: OrderedDict[int, Asking] = OrderedDict()
        self._origins: OrderedDict[str, tuple[Asking, ...]] = OrderedDict()
        self._names: set[str] = set()

    def update(self, records: Iterable[Record]) -> None:
        """Take in finished calls, in their order."""
        for record in records:
            if record.codec == CODEC:
                # While a baseline is learned nobody has read the question yet.
                learning = record.verdict == "learning"
                if found := brought_by(record.request_body) if learning else record.brought:
                    self._join(record, found)
                for one in wanted(record.response_body):
                    self._remember(record, one)

    def _join(self, record: Record, brought: tuple[int, ...]) -> None:
        found = [self._waiting.pop(one, None) for one in brought]
        known = tuple(one for one in found if one is not None)
        self.unknown += len(found) - len(known)
        for one in known:
            self._returned(record, one)
        if known:
            self._origins[record.span.server] = known
            if len(self._origins) > JOINED:
                self._origins.popitem(last=False)

    def _remember(self, record: Record, one: Wanted) -> None:
        now, name = self._clock(), self._told(one.name)
        span = record.span
        self._waiting.pop(one.digest, None)
        self._waiting[one.digest] = Asking(name, span.trace, span.client, bool(record.flagged), now)
        self._asked(record, name)
        first = next(iter(self._waiting.values()))
        while len(self._waiting) > MOST or now - first.since > SECONDS:
            self._waiting.popitem(last=False)
            first = next(iter(self._waiting.values()))

    def _told(self, name: str) -> str:
        """The name by which a tool is told."""
        if name not in self._names:
            if len(self._names) >= NAMES:
                return OTHER
            self._names.add(name)
        return name

    @property
    def waiting(self) -> int:
        """Tool calls whose result has not been brought."""
        return len(self._waiting)

    def origins(self, record: Record) -> tuple[Asking, ...]:
        """The calls that asked for the tools whose results this one brought."""
        return self._origins.get(record.span.server, ())
