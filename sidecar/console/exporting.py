"""Spans of calls on their way from the observer to the exporter: with drift, and with a link to the call of
another model whose answer a question was. Counterparts: `sidecar.tracing.spans`, `sidecar.observer.lineage`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sidecar.exchange import Record
from sidecar.observer.observer import Observer
from sidecar.tracing.held import Held
from sidecar.tracing.spans import SpanExport

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
            self._spans.record(record, drift, ((origin.trace, origin.span),) if origin is not None else ())
