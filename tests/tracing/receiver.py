"""A real OTLP receiver on loopback, over HTTP and over gRPC: what a collector would have been told."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

KINDS = {trace_pb2.Span.SPAN_KIND_SERVER: "SERVER", trace_pb2.Span.SPAN_KIND_CLIENT: "CLIENT"}
STATUSES = {trace_pb2.Status.STATUS_CODE_UNSET: "unset", trace_pb2.Status.STATUS_CODE_ERROR: "error"}


class Event(NamedTuple):
    name: str
    at: int
    attributes: dict[str, Any]


class Span(NamedTuple):
    """One span as it came over the wire; ids in hex, times in Unix nanoseconds."""

    kind: str
    name: str
    trace: str
    id: str
    parent: str
    state: str
    start: int
    end: int
    attributes: dict[str, Any]
    events: list[Event]
    status: str
    message: str
    dropped_attributes: int
    resource: dict[str, Any]
    scope: str
    links: list[tuple[str, str]]
    link_attributes: list[dict[str, Any]]
    """Trace and span of each, in hex."""


class Histogram(NamedTuple):
    """One series of a histogram, as it came last."""

    name: str
    unit: str
    attributes: dict[str, Any]
    count: int
    sum: float
    bounds: tuple[float, ...]
    resource: dict[str, Any]
    scope: str


class Receiver:
    """Keeps every span and histogram it is sent, and the headers of every delivery."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.spans: list[Span] = []
        self.histograms: list[Histogram] = []
        self.deliveries: list[dict[str, str]] = []
        self.path = ""

    def take(self, request: ExportTraceServiceRequest, headers: dict[str, str]) -> None:
        self.deliveries.append(headers)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += [_span(span, resource, scope) for span in scope.spans]

    def take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        self.histograms = [
            Histogram(
                metric.name,
                metric.unit,
                _attributes(point.attributes),
                point.count,
                point.sum,
                tuple(point.explicit_bounds),
                _attributes(resource.resource.attributes),
                scope.scope.name,
            )
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.histogram.data_points
        ]

    def wait(self, count: int, seconds: float = 5.0) -> list[Span]:
        """The spans, as soon as there are `count`."""
        deadline = time.monotonic() + seconds
        while len(self.spans) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.spans


@contextmanager
def http(delay: float = 0.0) -> Iterator[Receiver]:
    """OTLP over HTTP with protobuf; `delay` is how many seconds an answer takes."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.path = self.path
            time.sleep(delay)
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path == "/v1/metrics":
                receiver.take_metrics(ExportMetricsServiceRequest.FromString(body))
            else:
                receiver.take(ExportTraceServiceRequest.FromString(body), headers)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def grpc_() -> Iterator[Receiver]:
    """OTLP over gRPC."""
    receiver = Receiver()

    class Servicer(TraceServiceServicer):
        def Export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:  # noqa: N802
            receiver.take(request, dict(context.invocation_metadata()))
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(Servicer(), server)
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()


def _span(span: trace_pb2.Span, resource: Any, scope: Any) -> Span:
    return Span(
        kind=KINDS[span.kind],
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        state=span.trace_state,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[Event(one.name, one.time_unix_nano, _attributes(one.attributes)) for one in span.events],
        status=STATUSES[span.status.code],
        message=span.status.message,
        dropped_attributes=span.dropped_attributes_count,
        resource=_attributes(resource.resource.attributes),
        scope=scope.scope.name,
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        link_attributes=[_attributes(link.attributes) for link in span.links],
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs if isinstance(pair, KeyValue)}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
