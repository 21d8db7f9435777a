"""Outbound calls that wait to learn whether the call they were made for is worth a trace.

A model's own calls end before the call it is answering, and what that one is worth is known only at its end.
So those the head did not sample wait for it, few and not for long. Counterpart: `sidecar.tracing.keep`, which
decides.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from sidecar.exchange import Outbound

MOST = 2000
"""Calls that wait at once, a few megabytes."""

SECONDS = 30.0
"""How long one waits: longer than most models think."""


class Waiting:
    """Outbound calls by trace, the oldest first to go."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: OrderedDict[str, list[Outbound]] = OrderedDict()
        self._since: dict[str, float] = {}
        self._count = 0
        self.dropped = 0
        """Calls that had to go because there were too many, before anybody asked for them."""

    def update(self, call: Outbound) -> None:
        """Let a call wait."""
        trace = call.record.span.trace
        self._calls.setdefault(trace, []).append(call)
        self._since.setdefault(trace, self._clock())
        self._count += 1
        while self._count > MOST:
            self.dropped += len(self._forget(next(iter(self._calls))))
        while self._calls and self._since[first := next(iter(self._calls))] < self._clock() - SECONDS:
            self._forget(first)

    def take(self, trace: str) -> list[Outbound]:
        """The calls of a trace that wait; they wait no more."""
        return self._forget(trace) if trace in self._calls else []

    def _forget(self, trace: str) -> list[Outbound]:
        calls = self._calls.pop(trace)
        del self._since[trace]
        self._count -= len(calls)
        return calls
