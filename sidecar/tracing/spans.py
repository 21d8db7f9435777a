"""Exports the spans of finished calls. Lives in the observer; nobody waits for it.

    Record -> Keep (is it exported?) -> Pipeline (SDK spans) -> exporter -> collector

Where spans go is said by the OTEL_* variables. Without any, nothing is exported and neither the SDK nor an
exporter is even imported. Counterpart: `sidecar.tracing.context`, which made the ids.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from sidecar.exchange import Outbound, Record
from sidecar.settings import Settings
from sidecar.tracing.exporters import load, wanted
from sidecar.tracing.keep import Keep
from sidecar.tracing.waiting import Waiting

if TYPE_CHECKING:
    from sidecar.tracing.pipeline import Pipeline

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""Patience with a collector at shutdown. Well under the drain time-out."""


class Linked(NamedTuple):
    """A call that led to another one's question: its span, how that is known, and the tool between them."""

    trace: str
    span: str
    joined: Literal["lineage", "tool-call"]
    tool: str = ""


class SpanExport:
    """One per observer. Not thread-safe: records come from one loop."""

    def __init__(self, settings: Settings) -> None:
        self._keep = Keep()
        self._waiting = Waiting()
        self._pipeline = _pipeline(settings)
        self._closed = False

    @property
    def active(self) -> bool:
        """Do spans go anywhere?"""
        return self._pipeline is not None

    @property
    def dropped(self) -> int:
        """Calls that were to be exported and were over their budget in `sidecar.tracing.keep`."""
        return self._keep.dropped + self._waiting.dropped

    @property
    def exported(self) -> int:
        """Spans that exporters have handed over."""
        return sum(exporter.exported for exporter in self._pipeline.exporters) if self._pipeline else 0

    @property
    def failed(self) -> int:
        """Spans that exporters have given up."""
        return sum(exporter.failed for exporter in self._pipeline.exporters) if self._pipeline else 0

    def record(self, record: Record, drift: str = "", links: Sequence[Linked] = ()) -> None:
        """Export this call if it is sampled or worth keeping. `drift` is its window's `x-drift-state`,
        `links` are the calls whose answers led to its question."""
        # A call that broke before its headers were read has no ids.
        if self._pipeline is None or self._closed or not record.span.trace:
            return
        if kept := self._keep.update(record):
            self._pipeline.emit(record, kept, drift, links)
            for call in self._waiting.take(record.span.trace):
                self._pipeline.emit_outbound(call)

    def missed(self, calls: int) -> None:
        """So many sampled calls have no spans, because there were more than anybody could export."""
        if self._pipeline is not None and not self._closed:
            self._keep.missed(calls)

    def outbound(self, calls: Sequence[Outbound]) -> None:
        """Export calls of the model's own, now or when the call they were made for is."""
        if self._pipeline is None or self._closed:
            return
        for call in calls:
            if not call.record.span.trace:
                continue
            if self._keep.update_outbound(call):
                self._pipeline.emit_outbound(call)
            else:
                self._waiting.update(call)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Hand over what waits, for at most about `seconds`."""
        if self._pipeline is not None and not self._closed:
            self._closed = True
            self._pipeline.close(seconds)


def _pipeline(settings: Settings) -> Pipeline | None:
    names = wanted()
    exporters = load(names) if names else []
    if not exporters:
        return None
    # Imported only now: the SDK is some 5 MB, an exporter 6 to 25 MB more.
    from sidecar.tracing.pipeline import Pipeline

    try:
        return Pipeline(settings, exporters)
    except ValueError as error:
        log.error("no spans are exported, an OTEL_* variable is wrong: %s", error)
        return None
