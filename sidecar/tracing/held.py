"""Calls whose spans are held back for a moment, because it may yet be told where their question came from.

Bounded in number and time: what is too many or too old goes as it is. Counterparts:
`sidecar.observer.lineage`, which finds out; `sidecar.tracing.spans`, which exports.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from sidecar.exchange import Record

SECONDS = 3.0
"""How long one is held: other sidecars are listened to once a second."""

MOST = 2_000
"""Calls held at once."""


class Held:
    """Calls in the order they ended."""

    def __init__(self, waits: Callable[[Record], bool], clock: Callable[[], float] = time.monotonic) -> None:
        """`waits`: whether an origin may yet be told."""
        self._waits = waits
        self._clock = clock
        self._calls: deque[tuple[float, Record]] = deque()

    def update(self, records: Iterable[Record]) -> list[Record]:
        """Take in calls; those that need not be held, or no longer, come back."""
        now = self._clock()
        ready = [record for record in records if not self._hold(record, now)]
        return [*self.due(now), *ready]

    def due(self, now: float | None = None) -> list[Record]:
        """The calls that are held no longer."""
        now = self._clock() if now is None else now
        ready, kept = [], deque[tuple[float, Record]]()
        for since, record in self._calls:
            if now - since > SECONDS or not self._waits(record):
                ready.append(record)
            else:
                kept.append((since, record))
        self._calls = kept
        return ready

    def all(self) -> list[Record]:
        """Everything, at the end."""
        ready = [record for _, record in self._calls]
        self._calls.clear()
        return ready

    def _hold(self, record: Record, now: float) -> bool:
        if len(self._calls) >= MOST or not self._waits(record):
            return False
        self._calls.append((now, record))
        return True
