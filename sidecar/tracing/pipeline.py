"""Real OpenTelemetry spans, with the ids and the clock readings that the data plane took.

Spans are started and ended through the SDK's own tracer, which gets the ids from an `IdGenerator` that is
told them beforehand. (Filling in `ReadableSpan` and calling `on_end` would be shorter, but the SDK says not
to, the limits of OTEL_SPAN_* would not be applied, and processors would miss `on_start`.) Imported by
`sidecar.tracing.spans` only when spans are to go somewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

import sidecar
from sidecar.exchange import Outbound, Record, SpanIds
from sidecar.settings import Settings
from sidecar.tracing import attributes, w3c
from sidecar.tracing.attributes import Facts
from sidecar.tracing.keep import Reason
from sidecar.tracing.quiet import Quiet

if TYPE_CHECKING:
    from sidecar.tracing.spans import Linked


class Preset(IdGenerator):
    """Hands out the ids that the next span already has."""

    def __init__(self) -> None:
        self.trace = self.span = 0
        self.random = False

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span

    def is_trace_id_random(self) -> bool:
        return self.random


class Counted(SpanExporter):
    """Counts what an exporter gets rid of, and what it fails to; and lets it be shut down twice."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._closed = False
        self.exported = 0
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            if result is SpanExportResult.SUCCESS:
                self.exported += len(spans)
            else:
                self.failed += len(spans)
        return result

    def shutdown(self) -> None:
        if not self._closed:
            self._closed = True
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class Pipeline:
    """From records to exporters, by way of the SDK's batch processor: bounded, in a thread of its own."""

    def __init__(self, settings: Settings, exporters: Sequence[SpanExporter]) -> None:
        """Raises ValueError when OTEL_BSP_* or OTEL_SPAN_* make no sense."""
        self.exporters = [Counted(exporter) for exporter in exporters]
        resource = resource_of(settings)
        self._ends = attributes.ends(settings, str(resource.attributes[SERVICE_NAME]))
        self._ids = Preset()
        # The head has decided already, and `keep` after it: whatever comes here is exported.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        for exporter in self.exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer: Tracer = self._provider.get_tracer("sidecar", sidecar.__version__)
        self._quiet = Quiet("opentelemetry")

    def emit(self, record: Record, kept: Reason, drift: str, links: Sequence[Linked] = ()) -> None:
        """Export the spans of one call: SERVER, and CLIENT beneath it if the model was asked. Never waits."""
        ids = self._ids
        ids.trace, ids.span = int(record.span.trace, 16), int(record.span.server, 16)
        ids.random = record.span.random
        start, end = record.started_ns, record.started_ns + record.ended_ns
        facts = attributes.server(record, self._ends, kept, drift)
        server = self._tracer.start_span(
            facts.name,
            _caller(record.span),
            SpanKind.SERVER,
            facts.attributes,
            links=[Link(_linked(link.trace, link.span), _joined(link)) for link in links],
            start_time=start,
        )
        if record.forwarded_ns:
            ids.span = int(record.span.client, 16)
            asked = attributes.client(record, self._ends)
            client = self._tracer.start_span(
                asked.name,
                set_span_in_context(server, Context()),
                SpanKind.CLIENT,
                asked.attributes,
                start_time=start + record.forwarded_ns,
            )
            client.set_status(_status(asked))
            client.end(end)
        if (evaluation := attributes.evaluation(record)) is not None:
            # When the score was known is not recorded, only that it was by the end.
            server.add_event("gen_ai.evaluation.result", evaluation, end)
        server.set_status(_status(facts))
        server.end(end)

    def emit_outbound(self, call: Outbound) -> None:
        """Export the CLIENT span of a call of the model's own: a child of the call it was made for, or with
        links to those it may have been made for. Never waits."""
        record, ids = call.record, self._ids
        ids.trace, ids.span = int(record.span.trace, 16), int(record.span.client, 16)
        ids.random = record.span.random
        facts = attributes.outbound(call)
        share = {"sidecar.joined.confidence": call.joined.confidence}
        made = self._tracer.start_span(
            facts.name,
            _caller(record.span),
            SpanKind.CLIENT,
            facts.attributes,
            links=[Link(_linked(trace, span), share) for trace, span in call.joined.links],
            start_time=record.started_ns,
        )
        made.set_status(_status(facts))
        made.end(record.started_ns + record.ended_ns)

    def close(self, seconds: float) -> None:
        """Hand over what waits, for at most about `seconds`; an exporter that still tries is cut short."""
        last = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(seconds)
        if last.is_alive():
            for exporter in self.exporters:
                exporter.shutdown()
            last.join(1.0)
        self._quiet.close()


def resource_of(settings: Settings) -> Resource:
    """What OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and the SDK's detectors say, with our service name
    where they have none."""
    named = OTELResourceDetector().detect().attributes.get(SERVICE_NAME)
    return Resource.create(None if named else {SERVICE_NAME: settings.service_name})


def _caller(span: SpanIds) -> Context:
    """The context our SERVER span starts in: the caller's span if it told us one."""
    if not span.parent:
        return Context()
    caller = SpanContext(
        int(span.trace, 16),
        int(span.parent, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(w3c.FLAGS[span.sampled + 2 * span.random])),
        trace_state=_state(span.state),
    )
    return set_span_in_context(NonRecordingSpan(caller), Context())


def _joined(link: Linked) -> dict[str, str]:
    joined: dict[str, str] = {"sidecar.joined": link.joined}
    return joined | {"sidecar.tool": link.tool} if link.tool else joined


def _linked(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False)


def _state(text: str) -> TraceState:
    # Keys that begin with a digit are level 2, which the SDK doesn't know yet; the model does get them.
    members = (member.partition("=") for member in text.split(",") if member)
    return TraceState([(key, value) for key, _, value in members if "@" in key or not key[0].isdigit()])


def _status(facts: Facts) -> Status:
    return Status(StatusCode.ERROR, facts.description or None) if facts.error else Status(StatusCode.UNSET)
