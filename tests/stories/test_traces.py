"""A call through real processes, as a trace viewer is told of it: one trace from the caller to the model."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from examples.launch import Server
from tests.tracing import receiver
from tests.tracing.receiver import Receiver, Span

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

RECEIVERS: dict[str, Callable[[], AbstractContextManager[Receiver]]] = {
    "http/protobuf": receiver.http,
    "grpc": receiver.grpc_,
}


class Model(BaseHTTPRequestHandler):
    """A model that knows nothing of traces: it answers, and notes what it was sent."""

    protocol_version = "HTTP/1.1"
    sent: list[dict[str, str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.sent.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(503 if self.path.startswith("/v2/models/broken") else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def model() -> Iterator[tuple[str, list[dict[str, str]]]]:
    sent: list[dict[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Model,), {"sent": sent}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(sidecar: Server, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(sidecar.url.removeprefix("http://"), timeout=10)
    try:
        connection.request("POST", path, b"{}", headers)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_one_trace_from_the_caller_into_the_model(protocol: str, start_sidecar) -> None:
    with RECEIVERS[protocol]() as collector, model() as (upstream, sent):
        sidecar = start_sidecar(
            upstream,
            env={
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_BSP_SCHEDULE_DELAY": "50",
                "OTEL_SERVICE_NAME": "fraud-sidecar",
            },
        )
        context = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "congo=1", "baggage": "tier=gold"}
        answer = ask(sidecar, "/v2/models/fraud/infer", **context)
        # Not sampled by the caller: the first is let go, the second has failed and is kept.
        ask(sidecar, "/v2/models/fraud/infer", traceparent=f"00-{'a' * 32}-{CALLER}-00")
        ask(sidecar, "/v2/models/broken/infer", traceparent=f"00-{'b' * 32}-{CALLER}-00")
        spans = {(span.trace, span.kind): span for span in collector.wait(4, seconds=10)}

    server, client = spans[TRACE, "SERVER"], spans[TRACE, "CLIENT"]
    assert (server.parent, client.parent) == (CALLER, server.id)
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{server.id}-01"
    assert sent[0]["traceparent"] == f"00-{TRACE}-{client.id}-01"
    assert (sent[0]["tracestate"], sent[0]["baggage"]) == (
        "congo=1",
        "tier=gold,sidecar.chain=fraud-sidecar",
    )
    assert [got["traceparent"][-2:] for got in sent] == ["01", "00", "00"]
    assert server.resource["service.name"] == "fraud-sidecar"
    assert server.start <= client.start < client.end <= server.end

    assert kept(spans[TRACE, "SERVER"]) == "head"
    assert kept(spans["b" * 32, "SERVER"]) == "failed"
    assert (spans["b" * 32, "SERVER"].status, spans["b" * 32, "CLIENT"].status) == ("error", "error")
    assert not {trace for trace, _ in spans} & {"a" * 32}


def kept(span: Span) -> str:
    return str(span.attributes["sidecar.kept"])


def test_an_instrumented_model_goes_on_with_our_span_and_nothing_is_told_twice(start_sidecar) -> None:
    with receiver.http() as collector, model() as (upstream, sent):
        sidecar = start_sidecar(
            upstream,
            env={
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "50",
                "OTEL_SERVICE_NAME": "fraud-sidecar",
            },
        )
        ask(sidecar, "/v2/models/fraud/infer", traceparent=f"00-{TRACE}-{CALLER}-01")
        # What an instrumentation of the model's server does with the headers it gets.
        provider = TracerProvider(resource=Resource.create({"service.name": "fraud"}))
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{collector.endpoint}/v1/traces")))
        context = TraceContextTextMapPropagator().extract(sent[0])
        provider.get_tracer("model").start_span("POST /infer", context, SpanKind.SERVER).end()
        provider.shutdown()
        spans = collector.wait(3, seconds=10)

    ours = {span.kind: span for span in spans if span.resource["service.name"] == "fraud-sidecar"}
    (theirs,) = [span for span in spans if span.resource["service.name"] == "fraud"]
    assert len(spans) == 3, "one SERVER span for each of the two servers, and one CLIENT span between them"
    assert (theirs.trace, theirs.parent) == (TRACE, ours["CLIENT"].id)
    assert (ours["CLIENT"].parent, ours["SERVER"].parent) == (ours["SERVER"].id, CALLER)
