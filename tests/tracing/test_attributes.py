"""Every attribute of both spans; who is to blame for an error; what must never get out, or grow."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.semconv.attributes import (
    client_attributes,
    error_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
    user_agent_attributes,
)

from sidecar.errors import FAILURES
from sidecar.exchange import DetectorScore
from sidecar.settings import Settings
from sidecar.tracing.attributes import Ends, client, ends, evaluation, server
from tests.tracing.records import NORMAL, OUTLIER, UNSCORED, record

SETTINGS = Settings(upstream="http://10.0.0.7:8080", listen="127.0.0.1:9700")
HERE = ends(SETTINGS, "sidecar")


def at(upstream: str, **settings: Any) -> Ends:
    return ends(Settings(upstream=upstream, **settings), "sidecar")


def test_the_server_span_of_an_outlier() -> None:
    facts = server(OUTLIER, HERE, "head", "feature-drift")
    assert facts.name == "POST /v2/models/{model}/infer"
    assert (facts.error, facts.description) == ("", "")
    assert facts.attributes == {
        "http.request.method": "POST",
        "http.route": "/v2/models/{model}/infer",
        "http.response.status_code": 200,
        "url.path": "/v2/models/fraud/infer",
        "url.query": "debug=1",
        "url.scheme": "http",
        "server.address": "models.example",
        "server.port": 8443,
        "client.address": "10.1.2.3",
        "network.peer.address": "10.1.2.3",
        "network.protocol.name": "http",
        "user_agent.original": "loadgen/1.0",
        "sidecar.request.id": "req-1",
        "sidecar.kept": "head",
        "sidecar.codec": "v2",
        "sidecar.model.name": "fraud",
        "sidecar.model.version": "3",
        "sidecar.rows": 2,
        "sidecar.rows.flagged": (0,),
        "sidecar.verdict": "outlier",
        "sidecar.p": 0.0004,
        "sidecar.score": 0.9996,
        "sidecar.detector.ecod.raw": 41.2,
        "sidecar.detector.ecod.p": 0.0004,
        "sidecar.detector.iforest.raw": 0.31,
        "sidecar.detector.iforest.p": 0.02,
        "sidecar.drift.state": "feature-drift",
        "sidecar.policy.action": "tag",
        "sidecar.policy.rule": "suspicious",
        "sidecar.baseline": "1f2e3d4c",
    }


def test_the_client_span_of_an_outlier() -> None:
    facts = client(OUTLIER, HERE)
    assert facts.name == "POST /v2/models/{model}/infer"
    assert (facts.error, facts.description) == ("", "")
    assert facts.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.full": "http://10.0.0.7:8080/v2/models/fraud/infer?debug=1",
        "url.template": "/v2/models/{model}/infer",
        "server.address": "10.0.0.7",
        "server.port": 8080,
        "network.protocol.name": "http",
        "peer.service": "fraud",
        "service.peer.name": "fraud",
        "sidecar.model.name": "fraud",
        "sidecar.model.version": "3",
    }


def test_every_name_without_our_prefix_is_a_stable_one() -> None:
    modules = (
        client_attributes,
        error_attributes,
        http_attributes,
        network_attributes,
        server_attributes,
        url_attributes,
        user_agent_attributes,
    )
    stable = {value for module in modules for name, value in vars(module).items() if name.isupper()}
    odd = record(OUTLIER, method="BREW", status=502, failure="upstream-closed")
    names = {*server(odd, HERE, "failed", "stable").attributes, *client(odd, HERE).attributes}
    # These three are in development; the first is what the stable span name is made of.
    assert {name for name in names if not name.startswith("sidecar.")} - stable == {
        "url.template",
        "peer.service",
        "service.peer.name",
    }


# -- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "server_error", "client_error"),
    [
        (200, "", ""),
        (304, "", ""),
        (404, "", "404"),
        (429, "", "429"),
        (500, "500", "500"),
        (503, "503", "503"),
    ],
)
def test_statuses(status: int, server_error: str, client_error: str) -> None:
    call = record(status=status)
    ours, models = server(call, HERE, "head", ""), client(call, HERE)
    assert (ours.error, models.error) == (server_error, client_error)
    assert (ours.attributes.get("error.type", ""), models.attributes.get("error.type", "")) == (
        server_error,
        client_error,
    )
    assert ours.attributes["http.response.status_code"] == status
    assert models.attributes["http.response.status_code"] == status
    assert ours.description == models.description == ""


@pytest.mark.parametrize("failure", FAILURES)
def test_failures(failure: str) -> None:
    status = FAILURES[failure].status
    # No answer of the model had come: the status is ours.
    call = record(failure=failure, status=status, first_byte_ns=0)
    ours, models = server(call, HERE, "failed", ""), client(call, HERE)
    expected = failure if status >= 500 else ""
    assert ours.error == models.error == expected
    assert ours.description == models.description == (FAILURES[failure].title if expected else "")
    assert ours.attributes["sidecar.failure"] == models.attributes["sidecar.failure"] == failure
    assert ours.attributes["http.response.status_code"] == status
    assert "http.response.status_code" not in models.attributes


def test_a_truncated_answer_was_an_answer() -> None:
    call = record(failure="response-truncated", status=200)
    ours, models = server(call, HERE, "failed", ""), client(call, HERE)
    assert ours.error == models.error == "response-truncated"
    assert models.attributes["http.response.status_code"] == 200


def test_a_status_of_ours_is_not_the_models() -> None:
    # The model's head had come, but nothing of it had gone on when the model broke off.
    call = record(failure="response-truncated", status=502)
    assert server(call, HERE, "failed", "").attributes["http.response.status_code"] == 502
    assert "http.response.status_code" not in client(call, HERE).attributes


def test_a_caller_who_left_has_no_status() -> None:
    call = record(failure="client-gone", status=0, first_byte_ns=0)
    assert "http.response.status_code" not in server(call, HERE, "failed", "").attributes
    assert server(call, HERE, "failed", "").error == ""


# -- names and places -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "name", "original"),
    [
        ("GET", "/v2/health/ready", "GET /v2/health/ready", None),
        ("GET", "/favicon.ico", "GET", None),
        ("BREW", "/invocations", "HTTP /invocations", "BREW"),
        ("get", "/nowhere", "HTTP", "get"),
        ("OPTIONS", "*", "OPTIONS", None),
        ("POST", "http://model:8080/invocations?a=1", "POST /invocations", None),
    ],
)
def test_names(method: str, target: str, name: str, original: str | None) -> None:
    call = record(method=method, target=target)
    for facts in (server(call, HERE, "head", ""), client(call, HERE)):
        assert facts.name == name
        assert facts.attributes["http.request.method"] == (method if original is None else "_OTHER")
        assert facts.attributes.get("http.request.method_original") == original


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a%20b?x=1?2", "/a%20b", "x=1?2"),
        ("/a?", "/a", None),
        ("http://model:8080/a/b?c=d", "/a/b", "c=d"),
        ("http://model", "/", None),
        ("/redirect?to=http://x/y", "/redirect", "to=http://x/y"),
        ("*", "*", None),
    ],
)
def test_paths(target: str, path: str, query: str | None) -> None:
    attributes = server(record(target=target), HERE, "head", "").attributes
    assert (attributes["url.path"], attributes.get("url.query")) == (path, query)


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        ("models.example", "models.example", None),
        ("models.example:80", "models.example", 80),
        ("[::1]:9700", "::1", 9700),
        ("[::1]", "::1", None),
        ("", "127.0.0.1", 9700),
        ("models:http", "models:http", None),
        (":80", "127.0.0.1", 80),
    ],
)
def test_where_the_caller_called(host: str, address: str, port: int | None) -> None:
    attributes = server(record(host=host), HERE, "head", "").attributes
    assert (attributes["server.address"], attributes.get("server.port")) == (address, port)


def test_the_host_header_will_do() -> None:
    call = record(host="", request_headers=((b"Host", b"models.example:81"),))
    assert server(call, HERE, "head", "").attributes["server.address"] == "models.example"


@pytest.mark.parametrize(
    ("upstream", "url", "address", "port"),
    [
        ("http://model", "http://model/v2", "model", 80),
        ("https://model", "https://model/v2", "model", 443),
        ("https://user:secret@model:8443", "https://model:8443/v2", "model", 8443),
        ("http://[::1]:8080", "http://[::1]:8080/v2", "::1", 8080),
        ("unix:/run/model.sock", "http://localhost/v2", "/run/model.sock", None),
    ],
)
def test_where_the_model_is(upstream: str, url: str, address: str, port: int | None) -> None:
    attributes = client(record(target="/v2"), at(upstream)).attributes
    assert attributes["url.full"] == url
    assert (attributes["server.address"], attributes.get("server.port")) == (address, port)


def test_the_listeners_scheme() -> None:
    here = at("http://model", tls_cert="cert.pem", tls_key="key.pem")
    assert server(NORMAL, here, "head", "").attributes["url.scheme"] == "https"


@pytest.mark.parametrize(
    ("changes", "upstream", "service", "peer"),
    [
        ({"model": "fraud"}, "http://127.0.0.1:8080", "sidecar", "fraud"),
        ({"model": "made-up", "status": 404}, "http://127.0.0.1:8080", "sidecar", "model"),
        ({"model": ""}, "http://127.0.0.1:8080", "sidecar", "model"),
        ({"model": ""}, "http://localhost:8080", "sidecar", "model"),
        ({"model": ""}, "unix:/run/model.sock", "sidecar", "model"),
        ({"model": ""}, "http://fraud.models:8080", "sidecar", "fraud.models"),
        # Jaeger's service graph wants no edge from a service to itself.
        ({"model": "fraud"}, "http://127.0.0.1:8080", "fraud", None),
    ],
)
def test_the_peer(changes: dict[str, Any], upstream: str, service: str, peer: str | None) -> None:
    attributes = client(record(**changes), ends(Settings(upstream=upstream), service)).attributes
    assert attributes.get("peer.service") == attributes.get("service.peer.name") == peer


# -- scores ---------------------------------------------------------------------------------------------


def test_an_unscored_call_says_why_and_has_no_score() -> None:
    attributes = server(UNSCORED, HERE, "head", "").attributes
    assert attributes["sidecar.verdict"] == "unscored"
    assert attributes["sidecar.reason"] == "deadline"
    assert not {"sidecar.p", "sidecar.score", "sidecar.drift.state", "sidecar.rows.flagged"} & set(attributes)
    assert evaluation(UNSCORED) is None


def test_the_evaluation_of_an_outlier() -> None:
    assert evaluation(OUTLIER) == {
        "gen_ai.evaluation.name": "anomaly",
        "gen_ai.evaluation.score.value": 0.9996,
        "gen_ai.evaluation.score.label": "outlier",
        "gen_ai.evaluation.explanation": (
            "ecod: p=0.0004 raw=41.2 mostly amount, age; iforest: p=0.02 raw=0.31"
        ),
    }


def test_a_score_of_exactly_one_is_still_a_score() -> None:
    attributes = server(record(OUTLIER, p=0.0), HERE, "head", "").attributes
    assert (attributes["sidecar.p"], attributes["sidecar.score"]) == (0.0, 1.0)


# -- what must not get out, or not grow ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("sig=s3cret", "sig=REDACTED"),
        ("a=1&X-Amz-Signature=s3cret&b=2", "a=1&X-Amz-Signature=REDACTED&b=2"),
        ("AWSAccessKeyId=s3cret&Signature=s3cret", "AWSAccessKeyId=REDACTED&Signature=REDACTED"),
        ("design=open", "design=open"),
    ],
)
def test_signatures_in_urls_are_redacted(query: str, shown: str) -> None:
    call = record(target=f"/invocations?{query}")
    assert server(call, HERE, "head", "").attributes["url.query"] == shown
    assert client(call, HERE).attributes["url.full"] == f"http://10.0.0.7:8080/invocations?{shown}"


def test_what_a_caller_sends_is_cut_short() -> None:
    many = tuple(DetectorScore(f"d{n}", 1.0, 0.5, ("f" * 500,) * 20) for n in range(70))
    call = record(
        OUTLIER,
        id="i" * 100_000,
        target="/" + "a" * 100_000 + "?" + "b" * 100_000,
        method="M" * 100_000,
        host="h" * 100_000,
        model="m" * 100_000,
        request_headers=((b"user-agent", b"u" * 100_000),),
        flagged=tuple(range(10_000)),
        detectors=many,
    )
    for attributes in (server(call, HERE, "head", "").attributes, client(call, HERE).attributes):
        assert all(len(value) <= 2048 for value in attributes.values() if isinstance(value, str | tuple))
        assert len(attributes) <= 128
    event = evaluation(call)
    assert event is not None
    assert len(str(event["gen_ai.evaluation.explanation"])) < 8192


@given(
    target=st.text(max_size=60),
    host=st.text(max_size=30),
    method=st.text(max_size=8),
    status=st.integers(0, 999),
    failure=st.sampled_from(["", "no such failure", *FAILURES]),
    agent=st.binary(max_size=30),
    p=st.floats(0, 1) | st.just(math.nan),
)
def test_whatever_was_recorded_can_be_told(
    target: str, host: str, method: str, status: int, failure: str, agent: bytes, p: float
) -> None:
    call = msgspec.structs.replace(
        NORMAL,
        target=target,
        host=host,
        method=method,
        status=status,
        failure=failure,
        request_headers=((b"user-agent", agent),),
        p=p,
    )
    for facts in (server(call, HERE, "head", ""), client(call, HERE)):
        assert facts.name
        for key, value in facts.attributes.items():
            assert key
            str(value).encode()  # valid UTF-8: one string that is not would cost a whole batch
            assert value != ""
    assert (evaluation(call) is None) == math.isnan(p)


def test_a_call_over_grpc_names_the_place_where_the_model_takes_it() -> None:
    here = at("http://10.0.0.7:8080", grpc_upstream="https://10.0.0.7:8081")
    method = "/inference.GRPCInferenceService/ModelInfer"
    call = record(NORMAL, target=method, request_headers=((b"content-type", b"application/grpc"),))
    told = client(call, here).attributes
    assert (told["url.full"], told["server.port"]) == (f"https://10.0.0.7:8081{method}", 8081)
    assert client(NORMAL, here).attributes["server.port"] == 8080
    assert client(call, HERE).attributes["server.port"] == 8080  # there is only one place
