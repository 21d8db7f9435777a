"""Records in, spans out: over real OTLP, to a real receiver, asserted span by span."""

from __future__ import annotations

import gc
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from sidecar.exchange import Joined, JoinedHow, Outbound, Record, SpanIds
from sidecar.redaction import redactor
from sidecar.settings import Settings
from sidecar.tracing.keep import BUDGETS
from sidecar.tracing.spans import Linked, SpanExport
from tests.tracing import receiver
from tests.tracing.receiver import Receiver
from tests.tracing.records import MS, NORMAL, OUTLIER, SPAN, STARTED, UNSCORED, record

SETTINGS = Settings(upstream="http://127.0.0.1:8080", service_name="fraud-sidecar")

RECEIVERS: dict[str, Callable[[], AbstractContextManager[Receiver]]] = {
    "http/protobuf": receiver.http,
    "grpc": receiver.grpc_,
}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "PROTOCOL", "TRACES_PROTOCOL", "HEADERS", "COMPRESSION"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name in (
        "OTEL_TRACES_EXPORTER",
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")


@pytest.fixture(params=RECEIVERS)
def collector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver of either protocol, and the variables that lead to it."""
    with RECEIVERS[request.param]() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", request.param)
        yield running


@pytest.fixture
def http_collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver.http() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.endpoint)
        yield running


@pytest.fixture
def export() -> Iterator[Callable[[], SpanExport]]:
    """Makes a SpanExport from the variables as they are by then, and closes it."""
    made: list[SpanExport] = []

    def make() -> SpanExport:
        made.append(SpanExport(SETTINGS))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_outlier_span_by_span(collector: Receiver, export: Callable[[], SpanExport]) -> None:
    spans = export()
    spans.record(OUTLIER, drift="feature-drift")
    received = {span.kind: span for span in collector.wait(2)}
    server, client = received["SERVER"], received["CLIENT"]

    assert (server.trace, server.id, server.parent) == (SPAN.trace, SPAN.server, SPAN.parent)
    assert (client.trace, client.id, client.parent) == (SPAN.trace, SPAN.client, SPAN.server)
    assert server.name == client.name == "POST /v2/models/{model}/infer"
    assert server.state == client.state == SPAN.state
    assert (server.start, server.end) == (STARTED, STARTED + 7 * MS)
    assert (client.start, client.end) == (STARTED + 1 * MS, STARTED + 7 * MS)
    assert server.status == client.status == "unset"
    assert server.dropped_attributes == client.dropped_attributes == 0

    assert server.attributes["http.route"] == "/v2/models/{model}/infer"
    assert server.attributes["http.response.status_code"] == 200
    assert server.attributes["sidecar.verdict"] == "outlier"
    assert server.attributes["sidecar.score"] == 0.9996
    assert server.attributes["sidecar.rows.flagged"] == [0]
    assert server.attributes["sidecar.drift.state"] == "feature-drift"
    assert client.attributes["url.full"] == "http://127.0.0.1:8080/v2/models/fraud/infer?debug=1"
    assert client.attributes["peer.service"] == client.attributes["service.peer.name"] == "fraud"

    (event,) = server.events
    assert (event.name, event.at) == ("gen_ai.evaluation.result", STARTED + 7 * MS)
    assert event.attributes["gen_ai.evaluation.score.value"] == 0.9996
    assert event.attributes["gen_ai.evaluation.score.label"] == "outlier"
    assert client.events == []

    assert server.resource == client.resource
    assert server.resource["service.name"] == "fraud-sidecar"
    assert server.resource["telemetry.sdk.language"] == "python"
    assert server.scope == client.scope == "sidecar"


def test_a_trace_that_starts_here_has_no_parent(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    ids = SpanIds("c" * 32, "d" * 16, "e" * 16, random=True)
    export().record(record(UNSCORED, span=ids))
    received = {span.kind: span for span in http_collector.wait(2)}
    assert (received["SERVER"].trace, received["SERVER"].id, received["SERVER"].parent) == (
        ids.trace,
        ids.server,
        "",
    )
    assert received["CLIENT"].parent == ids.server
    assert received["SERVER"].events == []


def outbound(
    like: Record = NORMAL, how: JoinedHow = "only-one", links: tuple[tuple[str, str], ...] = ()
) -> Outbound:
    """A call that the model made while it answered the call of `records.SPAN`."""
    span = SpanIds(SPAN.trace, "5" * 16, "6" * 16, "" if links else SPAN.client, like.span.sampled)
    target = "http://intent:9700/v2/models/intent/infer?sig=secret"
    made = record(like, sampled=like.span.sampled, span=span, target=target)
    return Outbound(made, "intent", Joined(how, 1.0, links))


def test_a_call_of_the_model_is_a_child_of_what_the_model_was_told(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    export().outbound([outbound()])
    (client,) = http_collector.wait(1)
    assert (client.kind, client.trace, client.id, client.parent) == (
        "CLIENT",
        SPAN.trace,
        "6" * 16,
        SPAN.client,
    )
    assert client.name == "POST /v2/models/{model}/infer"
    assert client.attributes["peer.service"] == client.attributes["service.peer.name"] == "intent"
    assert client.attributes["url.full"] == "http://intent:9700/v2/models/intent/infer?sig=REDACTED"
    assert (client.attributes["server.address"], client.attributes["server.port"]) == ("intent", 9700)
    assert client.attributes["sidecar.joined"] == "only-one"
    assert client.links == []


def test_a_call_that_may_be_one_of_twos_has_links_and_no_parent(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    links = (("a" * 32, "b" * 16), ("c" * 32, "d" * 16))
    export().outbound([outbound(how="ambiguous", links=links)])
    (client,) = http_collector.wait(1)
    assert client.parent == ""
    assert client.links == list(links)
    assert client.attributes["sidecar.joined"] == "ambiguous"


def test_the_server_span_is_linked_to_the_call_that_asked_for_its_tool(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    link = Linked("a" * 32, "b" * 16, "tool-call", "clock")
    export().record(NORMAL, "", [link, Linked("c" * 32, "d" * 16, "lineage")])
    received = {span.kind: span for span in http_collector.wait(2)}
    assert received["SERVER"].links == [("a" * 32, "b" * 16), ("c" * 32, "d" * 16)]
    assert received["SERVER"].link_attributes == [
        {"sidecar.joined": "tool-call", "sidecar.tool": "clock"},
        {"sidecar.joined": "lineage"},
    ]
    assert received["CLIENT"].links == []


def test_a_tunnel_is_named_by_its_target(http_collector: Receiver, export: Callable[[], SpanExport]) -> None:
    call = outbound()
    record_ = record(call.record, method="CONNECT", target="api.example:443", span=call.record.span)
    export().outbound([Outbound(record_, "api.example:443", call.joined)])
    (client,) = http_collector.wait(1)
    assert client.name == "CONNECT"
    assert (client.attributes["server.address"], client.attributes["server.port"]) == ("api.example", 443)
    assert "url.full" not in client.attributes


@pytest.mark.parametrize(
    ("method", "asked"), [("CONNECT", "4111111111111111:443"), ("GET", "http://4111111111111111/x")]
)
def test_a_target_that_was_redacted_is_no_reason_to_lose_the_call(
    http_collector: Receiver, export: Callable[[], SpanExport], method: str, asked: str
) -> None:
    target = redactor("card").target(asked)
    assert "[redacted:card]" in target
    call = outbound()
    record_ = record(call.record, method=method, target=target, span=call.record.span)
    export().outbound([Outbound(record_, "there", call.joined)])
    (client,) = http_collector.wait(1)
    assert client.attributes["peer.service"] == "there"
    assert not {"server.address", "server.port", "url.full"} & set(client.attributes)


def test_what_an_anomalous_call_led_to_is_exported_with_it(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    spans = export()
    let_go = record(NORMAL, sampled=False)
    spans.outbound([outbound(let_go)])
    spans.record(let_go)
    spans.record(record(OUTLIER, sampled=False, span=SpanIds("9" * 32, "8" * 16, "7" * 16)))
    assert {span.trace for span in http_collector.wait(2)} == {"9" * 32}, "nothing of the first trace"
    spans.outbound([outbound(let_go)])
    spans.record(record(OUTLIER, sampled=False))
    received = [span.id for span in http_collector.wait(6)]
    assert received.count("6" * 16) == 2, "both calls of that trace waited"


def test_errors_are_red_where_the_blame_lies(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    spans = export()
    spans.record(record(status=404))
    spans.record(record(status=500))
    spans.record(record(status=504, failure="upstream-timeout", first_byte_ns=0))
    told = [
        (span.kind, span.status, span.message, span.attributes.get("error.type"))
        for span in http_collector.wait(6)
    ]
    assert told == [
        ("CLIENT", "error", "", "404"),
        ("SERVER", "unset", "", None),
        ("CLIENT", "error", "", "500"),
        ("SERVER", "error", "", "500"),
        ("CLIENT", "error", "Model server did not answer in time", "upstream-timeout"),
        ("SERVER", "error", "Model server did not answer in time", "upstream-timeout"),
    ]


def test_a_call_that_was_never_forwarded_has_no_client_span(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    spans = export()
    spans.record(record(status=502, failure="upstream-refused", forwarded_ns=0, first_byte_ns=0))
    spans.close()
    assert [span.kind for span in http_collector.spans] == ["SERVER"]


def test_what_the_head_let_go_is_exported_only_if_it_matters(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    spans = export()
    spans.record(record(NORMAL, sampled=False))
    spans.record(record(OUTLIER, sampled=False))
    spans.record(record(NORMAL, sampled=False, status=503))
    spans.record(record(NORMAL, sampled=True))
    spans.close()
    servers = [span for span in http_collector.spans if span.kind == "SERVER"]
    assert [span.attributes["sidecar.kept"] for span in servers] == ["anomalous", "failed", "head"]
    assert (spans.exported, spans.failed, spans.dropped) == (6, 0, 0)


def test_a_flood_of_anomalies_is_bounded_and_counted(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    spans = export()
    for _ in range(500):
        spans.record(record(OUTLIER, sampled=False))
    spans.close()
    servers = [span for span in http_collector.spans if span.kind == "SERVER"]
    assert BUDGETS["anomalous"] <= len(servers) < 2 * BUDGETS["anomalous"]
    assert spans.dropped == 500 - len(servers)


def test_sampled_calls_that_came_in_brief_count_as_dropped(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    spans = export()
    spans.missed(7)
    assert spans.dropped == 7


def test_a_call_without_ids_has_no_span(http_collector: Receiver, export: Callable[[], SpanExport]) -> None:
    spans = export()
    spans.record(record(span=SpanIds("", "", ""), status=400, failure="bad-request"))
    spans.record(record(target="/ping"))
    assert {span.name for span in http_collector.wait(2)} == {"POST /ping"}


def test_a_level_2_tracestate_costs_no_warning(
    http_collector: Receiver, export: Callable[[], SpanExport], caplog: pytest.LogCaptureFixture
) -> None:
    ids = SpanIds(SPAN.trace, SPAN.server, SPAN.client, SPAN.parent, state="1abc=x,foo=1,9t@sys=2")
    export().record(record(span=ids))
    assert {span.state for span in http_collector.wait(2)} == {"foo=1,9t@sys=2"}
    assert not caplog.records


# -- the OTEL_* variables -------------------------------------------------------------------------------


def test_the_resource_is_the_environments(
    http_collector: Receiver, export: Callable[[], SpanExport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "fraud")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=7")
    export().record(NORMAL)
    server = next(span for span in http_collector.wait(2) if span.kind == "SERVER")
    assert server.resource["service.name"] == "fraud"
    assert server.resource["deployment.environment.name"] == "test"
    assert server.resource["service.version"] == "7"
    # The model is called what we are called: no edge from a service to itself.
    client = next(span for span in http_collector.spans if span.kind == "CLIENT")
    assert "peer.service" not in client.attributes


def test_headers(
    collector: Receiver, export: Callable[[], SpanExport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0ken")
    export().record(NORMAL)
    assert len(collector.wait(2)) == 2
    assert [headers["authorization"] for headers in collector.deliveries] == ["Bearer t0ken"]


def test_compression(
    http_collector: Receiver, export: Callable[[], SpanExport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    export().record(NORMAL)
    assert len(http_collector.wait(2)) == 2
    assert [headers["content-encoding"] for headers in http_collector.deliveries] == ["gzip"]
    assert http_collector.path == "/v1/traces"


def test_the_endpoint_for_traces_alone_is_used_as_it_is(
    http_collector: Receiver, export: Callable[[], SpanExport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{http_collector.endpoint}/only/traces")
    export().record(NORMAL)
    assert len(http_collector.wait(2)) == 2
    assert http_collector.path == "/only/traces"


def test_the_sdks_limits_hold_and_the_conventions_own_attributes_stay(
    http_collector: Receiver,
    export: Callable[[], SpanExport],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "12")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "10")
    export().record(OUTLIER)
    server = next(span for span in http_collector.wait(2) if span.kind == "SERVER")
    assert len(server.attributes) == 12
    assert server.dropped_attributes == 17
    assert {"http.request.method", "http.route", "http.response.status_code"} <= set(server.attributes)
    assert server.attributes["url.path"] == "/v2/models"
    assert len(caplog.records) == 2  # the SDK warns at each one of the 17, and at each one cut short


def test_console(
    export: Callable[[], SpanExport], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "from sidecar.settings import Settings\n"
        "from sidecar.tracing.spans import SpanExport\n"
        "from tests.tracing.records import record\n"
        "spans = SpanExport(Settings(upstream='http://m'))\n"
        "spans.record(record(target='/ping', forwarded_ns=0))\n"
        "spans.close()\n"
    )
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["name"] == "POST /ping"
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_BSP_MAX_QUEUE_SIZE", "0"), ("OTEL_SPAN_EVENT_COUNT_LIMIT", "many")]
)
def test_a_wrong_variable_is_named_and_breaks_nothing(
    name: str,
    value: str,
    http_collector: Receiver,
    export: Callable[[], SpanExport],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(name, value)
    spans = export()
    spans.record(NORMAL)
    assert not spans.active
    assert "no spans are exported, an OTEL_* variable is wrong: " in caplog.text


def test_without_an_endpoint_nothing_is_imported_or_done() -> None:
    code = (
        "import sys\n"
        "from sidecar.settings import Settings\n"
        "from sidecar.tracing.spans import SpanExport\n"
        "from tests.tracing.records import record\n"
        "spans = SpanExport(Settings(upstream='http://m'))\n"
        "spans.record(record())\n"
        "spans.close()\n"
        "assert not spans.active\n"
        "import threading\n"
        "print(threading.active_count(), [name for name in sys.modules if 'opentelemetry' in name])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "1 []\n"


# -- a collector that is not there ----------------------------------------------------------------------


def refusing() -> str:
    """An address on loopback where nothing listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_an_unreachable_collector_costs_nothing(
    protocol: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", refusing())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "50")
    with caplog.at_level(logging.INFO):
        spans = SpanExport(SETTINGS)
        slowest = 0.0
        for _ in range(2000):
            before = time.perf_counter()
            spans.record(NORMAL)
            slowest = max(slowest, time.perf_counter() - before)
        gc.collect()
        waiting = sum(isinstance(thing, ReadableSpan) for thing in gc.get_objects())
        before = time.perf_counter()
        spans.close(0.5)
        took = time.perf_counter() - before
    assert slowest < 0.5
    assert took < 2.5
    assert spans.exported == 0
    assert spans.failed > 0
    # 2,000 spans were made. A queue of 100 and a batch of 50 on its way are left, and the few batches that
    # the errors in `caplog` still point to.
    assert waiting <= 300
    # 2,000 calls: the SDK has a handful of things to say of them, and says each once.
    said = [one.msg for one in caplog.records]
    assert 1 <= len(said) == len(set(said)) <= 6, caplog.messages


def test_a_collector_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver.http(delay=2.0) as hanging:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", hanging.endpoint)
        spans = SpanExport(SETTINGS)
        spans.record(NORMAL)
        before = time.perf_counter()
        spans.close(0.2)
        assert time.perf_counter() - before < 1.8


def test_closing_twice_and_recording_afterwards_do_nothing(
    http_collector: Receiver, export: Callable[[], SpanExport]
) -> None:
    spans = export()
    spans.record(NORMAL)
    spans.close()
    spans.record(NORMAL)
    spans.close()
    assert len(http_collector.spans) == 2
    assert spans.exported == 2
