"""Which exporters the environment asks for, and what is said when one cannot be had."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from sidecar.tracing import exporters
from sidecar.tracing.exporters import load, wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
HTTP, GRPC = "otlp_proto_http", "otlp_proto_grpc"


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ()),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, ()),
        (ENDPOINT, (HTTP,)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, (HTTP,)),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, (GRPC,)),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, (HTTP,)),
        (
            ENDPOINT
            | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            (HTTP,),
        ),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, ()),
        (ENDPOINT | {"OTEL_SDK_DISABLED": " TRUE "}, ()),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "no"}, (HTTP,)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, (HTTP,)),
        ({"OTEL_TRACES_EXPORTER": "console"}, ("console",)),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "otlp, console,otlp"}, (HTTP, "console")),
    ],
)
def test_what_is_asked_for(environ: dict[str, str], names: tuple[str, ...]) -> None:
    assert wanted(environ) == names


def test_an_unknown_protocol_is_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert wanted(ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}) == (HTTP,)
    assert "OTLP protocol http/json ignored, http/protobuf is used: give grpc or http/protobuf" in caplog.text


def test_they_are_the_sdks_own() -> None:
    loaded = load((HTTP, GRPC, "console"))
    assert [type(exporter) for exporter in loaded] == [Http, Grpc, ConsoleSpanExporter]
    for exporter in loaded:
        exporter.shutdown()


@pytest.mark.parametrize("how", ["no entry point", "entry point without its package"])
def test_a_missing_extra_is_one_line_that_names_it(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = [EntryPoint(GRPC, "no_such_package:OTLPSpanExporter", "opentelemetry_traces_exporter")]
    monkeypatch.setattr(exporters, "entry_points", lambda **_: found if how.startswith("entry") else [])
    with caplog.at_level(logging.INFO):
        assert load((GRPC,)) == []
    (line,) = caplog.messages
    assert line.startswith("no spans are exported by otlp_proto_grpc, ")
    assert line.endswith(": pip install 'model-sidecar[otlp-grpc]'")


def test_an_unknown_exporter_is_named(caplog: pytest.LogCaptureFixture) -> None:
    assert load(("carrier-pigeon",)) == []
    assert (
        "no spans are exported by carrier-pigeon, it is not installed, see OTEL_TRACES_EXPORTER"
        in caplog.text
    )


def test_a_wrong_variable_costs_that_exporter_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    assert [type(exporter) for exporter in load((GRPC, "console"))] == [ConsoleSpanExporter]
    assert (
        "no spans are exported by otlp_proto_grpc, could not convert string to float: 'soon'" in caplog.text
    )
