"""A small OpenTelemetry collector: receives spans over OTLP/HTTP and keeps what a reader needs of them.

It stands in for the collector that a cluster would have, so that the demo and the tests can say whether
traces *arrive*. Counterpart: the exporter in `sidecar.observer`, set up with `Collector.env`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2


class Span(NamedTuple):
    """One span as it arrived; ids in lower-case hex."""

    kind: str
    """`SERVER`, `CLIENT`, ..."""
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, object]
    service: str
    """`service.name` of whoever sent it."""


class Collector:
    """Listens on a free loopback port in a thread of its own while used as a context."""

    def __init__(self) -> None:
        self._spans: dict[str, list[Span]] = defaultdict(list)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._spans))
        self._thread = threading.Thread(target=self._server.serve_forever, name="collector", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def env(self) -> dict[str, str]:
        """Environment that makes an OpenTelemetry SDK send its traces here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
        }

    def spans(self, trace: str) -> list[Span]:
        """The spans of one trace that have arrived so far."""
        return list(self._spans.get(trace, ()))

    def complete(self, trace: str) -> bool:
        """Whether both sides of a sidecar's exchange have arrived: the caller's and the model's."""
        return {"SERVER", "CLIENT"} <= {span.kind for span in self.spans(trace)}


def _handler(spans: dict[str, list[Span]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                for span in _read(body):
                    spans[span.trace].append(span)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the screen belongs to the demo."""

    return Handler


def _values(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}


def _read(body: bytes) -> list[Span]:
    export = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
            name=span.name,
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            attributes=_values(span.attributes),
            service=str(_values(sender.resource.attributes).get("service.name", "")),
        )
        for sender in export.resource_spans
        for scope in sender.scope_spans
        for span in scope.spans
    ]
