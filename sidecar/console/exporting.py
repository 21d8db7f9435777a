"""Spans of calls on their way from the observer to the exporter: with drift, and with links to the call of
another model whose answer a question was, and to calls that asked for the tools whose results it brought.
Counterparts: `sidecar.tracing.spans`, `sidecar.observer.lineage`, `sidecar.observer.tools`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sidecar.exchange import Record
from sidecar.observer.observer import Observer
from sidecar.tracing.held import Held
from sidecar.tracing.spans import Linked, SpanExport

LOOK_SECONDS = 0.5
"""How often it is looked whether held calls may go."""


class Exporting:
    """One per observer."""

    def __init__(self, spans: SpanExport, observer: Observer) -> None:
        self._spans = spans
        self._observer = observer
        self._held = Held(observer.lineage.waits)

    def take(self, records: Sequence[Record]) -> None:
        """Export these calls, some of them a moment later."""
        self._export(self._held.update(records))

    async def keep_looking(self) -> None:
        """Let held calls go in time; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._export(self._held.due())

    def close(self) -> None:
        """Export whatever is held still."""
        self._export(self._held.all())

    def _export(self, records: Sequence[Record]) -> None:
        if not records:
            return
        drift = self._observer.drift_state()
        for record in records:
            origin = self._observer.lineage.origin(record)
            links = [Linked(origin.trace, origin.span, "lineage")] if origin is not None else []
            links += [
                Linked(one.trace, one.span, "tool-call", one.tool)
                for one in self._observer.tools.origins(record)
            ]
            self._spans.record(record, drift, links)
