"""Metrics of language models: what a call adds, and what a real receiver of OTLP is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sidecar.exchange import Record
from sidecar.settings import Settings
from sidecar.tracing import gen_ai_metrics
from sidecar.tracing.gen_ai_metrics import INSTRUMENTS, GenAiMetrics, measured
from tests.tracing import receiver
from tests.tracing.records import MS, UNSCORED, record

USAGE = {"prompt_tokens": 5, "completion_tokens": 4}
WHERE: dict[str, str | int] = {"server.address": "model", "server.port": 8000}
CALL = {
    "server.address": "model",
    "server.port": 8000,
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.response.model": "m-2024",
}


def call(usage: Any = USAGE, **changes: Any) -> Record:
    """A call that was handed to the model after 1 ms and took 21 ms, with its first token after 6."""
    answer = json.dumps({"model": "m-2024", "usage": usage}).encode()
    given = {"codec": "openai", "model": "m", "target": "/v1/chat/completions", "response_body": answer}
    given |= {"first_event_ns": 6 * MS, "events": 6, "ended_ns": 21 * MS}
    return record(UNSCORED, **(given | changes))


def told(one: Record) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    found: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for name, value, attributes in measured(one, WHERE):
        found.setdefault(name, []).append((pytest.approx(value), attributes))
    return found


def test_a_streamed_call():
    assert told(call()) == {
        "gen_ai.client.operation.duration": [(0.021, CALL)],
        "gen_ai.client.token.usage": [
            (5.0, CALL | {"gen_ai.token.type": "input"}),
            (4.0, CALL | {"gen_ai.token.type": "output"}),
        ],
        "gen_ai.server.request.duration": [(0.020, CALL)],
        "gen_ai.server.time_to_first_token": [(0.005, CALL)],
        "gen_ai.server.time_per_output_token": [(0.005, CALL)],  # 15 ms for three tokens after the first
    }


def test_a_count_that_is_none_counts_nothing():
    assert "gen_ai.client.token.usage" not in told(call({"prompt_tokens": 10**400, "completion_tokens": -1}))


def test_without_usage_events_are_counted_and_without_events_there_is_no_first_token():
    found = told(call(None))
    assert "gen_ai.client.token.usage" not in found
    assert found["gen_ai.server.time_per_output_token"][0][0] == 0.003  # 15 ms for five events
    assert {name for name in told(call(first_event_ns=0, events=0)) if "token" in name} == {
        "gen_ai.client.token.usage"
    }


def test_what_a_model_says_amiss_is_not_counted():
    assert "gen_ai.client.token.usage" not in told(call({"prompt_tokens": -1, "completion_tokens": -7}))
    assert "gen_ai.client.token.usage" not in told(call({"prompt_tokens": 1e300}))


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"status": 503}, "503"), ({"status": 502, "failure": "upstream-closed"}, "upstream-closed")],
)
def test_what_failed_says_so_and_has_no_times_of_tokens(changes, error):
    found = told(call(**changes))
    for name in ("gen_ai.client.operation.duration", "gen_ai.server.request.duration"):
        assert found[name][0][1]["error.type"] == error
    assert not {name for name in found if "time_" in name}


def test_a_call_that_never_reached_the_model_and_one_to_another_kind():
    assert set(told(call(forwarded_ns=0, response_body=b""))) == {"gen_ai.client.operation.duration"}
    assert told(record()) == {}


def test_a_receiver_is_told_everything(monkeypatch: pytest.MonkeyPatch):
    with receiver.http() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{collector.endpoint}/v1/metrics")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "talker")
        metrics = GenAiMetrics(Settings(upstream="http://model:8000"))
        assert metrics.active
        metrics.update([call(), call(), record()])
        metrics.close(5.0)
    assert {one.name for one in collector.histograms} == set(INSTRUMENTS)
    for one in collector.histograms:
        row = INSTRUMENTS[one.name]
        assert (one.unit, one.bounds, one.count, one.scope) == (row.unit, row.bounds, 2, "sidecar")
        assert one.resource["service.name"] == "talker"
        assert one.attributes.items() >= CALL.items()
    first = next(one for one in collector.histograms if one.name == "gen_ai.server.time_to_first_token")
    assert first.sum == pytest.approx(0.010)


def test_models_that_callers_make_up_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gen_ai_metrics, "MOST_MODELS", 3)
    with receiver.http() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        metrics = GenAiMetrics(Settings(upstream="http://model:8000"))
        metrics.update([call(model=f"made up {n}") for n in range(10)])
        metrics.close(5.0)
    models = {one.attributes["gen_ai.request.model"] for one in collector.histograms}
    assert models == {"made up 0", "made up 1", "_OTHER"}


def test_nothing_is_pushed_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    metrics = GenAiMetrics(Settings(upstream="http://model:8000"))
    assert not metrics.active
    metrics.update([call()])
    metrics.close(1.0)


def test_an_exporter_that_cannot_be_had_is_said_once(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "carrier-pigeon")
    metrics = GenAiMetrics(Settings(upstream="http://model:8000"))
    metrics.update([call()])
    metrics.update([call()])
    (line,) = caplog.messages
    assert line == (
        "no metrics are exported by carrier-pigeon, it is not installed, see OTEL_METRICS_EXPORTER"
    )
    assert not metrics.active


def test_the_documentation_has_the_same_table():
    text = (Path(__file__).parent.parent.parent / "docs" / "language-models.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(gen_ai\.[a-z_.]+)` \| (\S+) \|", text, re.MULTILINE)
    assert told == [(name, row.unit) for name, row in INSTRUMENTS.items()]
