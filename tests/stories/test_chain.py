"""Three models that pass no header on, each behind a sidecar: one trace, from caller to last model."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

from examples import launch
from examples.collector import Collector, Span
from examples.processes import free_port

INFER = "/v2/models/flight/infer"
BODY = {"inputs": [{"name": "readings", "shape": [1, 8], "datatype": "FP64", "data": [0.5] * 8}]}
TRACE = "1234567890abcdef1234567890abcdef"
NAMES = ("speech", "intent", "action")


class Chain(NamedTuple):
    first: launch.Server
    admins: dict[str, str]
    collector: Collector


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    directory = tmp_path_factory.mktemp("chain")
    with ExitStack() as stack:
        collector = stack.enter_context(Collector())
        admins: dict[str, str] = {}
        model = stack.enter_context(launch.model(directory))
        following: launch.Server | None = None
        for name in reversed(NAMES):
            place = directory / name
            place.mkdir()
            flags: list[str] = []
            if following is not None:
                egress = f"127.0.0.1:{free_port()}"
                flags = ["--egress", egress, "--route", f"next={following.url}"]
                model = stack.enter_context(launch.relay(place, f"http://{egress}/next"))
            env = collector.env | {"OTEL_SERVICE_NAME": name}
            following = stack.enter_context(launch.sidecar(model.url, place, flags, env))
            admins[name] = following.admin_url
        assert following is not None
        yield Chain(following, admins, collector)


def asked(chain: Chain, trace: str, **headers: str) -> dict[str, Any]:
    headers |= {"Content-Type": "application/json", "traceparent": f"00-{trace}-00000000000000aa-01"}
    request = Request(chain.first.url + INFER, json.dumps(BODY).encode(), headers)
    with urlopen(request, timeout=20) as answer:
        assert answer.headers["traceresponse"].split("-")[1] == trace
        found: dict[str, Any] = json.load(answer)
        return found


def arrived(chain: Chain, trace: str, count: int) -> list[Span]:
    limit = time.monotonic() + 15
    while len(chain.collector.spans(trace)) < count:
        assert time.monotonic() < limit, chain.collector.spans(trace)
        time.sleep(0.05)
    return chain.collector.spans(trace)


def test_the_whole_chain_is_one_trace(chain):
    assert asked(chain, TRACE)["outputs"]
    spans = {span.id: span for span in arrived(chain, TRACE, 8)}
    assert len(spans) == 8
    (last,) = [span for span in spans.values() if span.service == "action" and span.kind == "CLIENT"]
    path = [last]
    while path[-1].parent in spans:
        path.append(spans[path[-1].parent])
    assert [(span.service, span.kind) for span in reversed(path)] == [
        ("speech", "SERVER"),
        ("speech", "CLIENT"),
        ("speech", "CLIENT"),
        ("intent", "SERVER"),
        ("intent", "CLIENT"),
        ("intent", "CLIENT"),
        ("action", "SERVER"),
        ("action", "CLIENT"),
    ]
    assert path[-1].parent == "00000000000000aa", "the caller's own span"
    outbound = [span for span in spans.values() if "sidecar.joined" in span.attributes]
    assert [span.attributes["sidecar.joined"] for span in outbound] == ["only-one"] * 2
    assert {span.name for span in spans.values()} == {"POST /v2/models/{model}/infer"}


def test_a_service_graph_has_an_edge_for_each_step_and_none_to_itself(chain):
    """Jaeger's rule: an edge where a span's parent belongs to another service."""
    trace = TRACE[::-1]
    asked(chain, trace)
    spans = {span.id: span for span in arrived(chain, trace, 8)}
    edges = {
        (spans[span.parent].service, span.service)
        for span in spans.values()
        if span.parent in spans and spans[span.parent].service != span.service
    }
    assert edges == {("speech", "intent"), ("intent", "action")}


def test_each_sidecar_knows_who_feeds_it(chain):
    asked(chain, TRACE[1:] + "0", baggage="user=7")
    limit = time.monotonic() + 10
    while True:
        found = {}
        for name, admin in chain.admins.items():
            with urlopen(f"{admin}/api/v1/chain", timeout=10) as answer:
                found[name] = {(edge["source"], edge["target"]) for edge in json.load(answer)["edges"]}
        if found == {
            "speech": {("speech", "next")},
            "intent": {("speech", "intent"), ("intent", "next")},
            "action": {("intent", "action")},
        }:
            return
        assert time.monotonic() < limit, found
        time.sleep(0.1)
