"""The model's own calls as dialogues: whose they are, what the next model is told, what is heard of them."""

from contextlib import ExitStack

import pytest

from sidecar.exchange import Outbound
from tests.proxy.dialogue import GET, OK, Peer, Stage, fields, http, listening, sidecar


class Next:
    """Another model, reached by the route `next`."""

    def __init__(self) -> None:
        self.sock = listening()
        self.port = self.sock.getsockname()[1]
        self.route = f"next=http://127.0.0.1:{self.port}"

    async def answers(self, stage: Stage, response: bytes = OK) -> bytes:
        """Take one request, answer it; the request."""
        peer = await stage.accept(self.sock)
        asked = await peer.request()
        await peer.send(response)
        return asked


@pytest.fixture
def next_model():
    with ExitStack() as stack:
        model = Next()
        stack.enter_context(model.sock)
        yield model


async def heard(stage: Stage, count: int = 1) -> list[Outbound]:
    await stage.until(lambda: len(stage.observer.outbound) >= count, "the outbound call")
    return stage.observer.outbound


def parent(head: bytes) -> tuple[str, str]:
    """Trace and span that a head names as its parent."""
    (value,) = fields(head, "traceparent")
    _, trace, span, _ = value.split("-")
    return trace, span


async def asked_by(stage: Stage, *more: str) -> tuple[Peer, Peer, bytes]:
    """A caller whose call the model is working on: caller, model, and what the model was told."""
    caller = await stage.caller()
    await caller.send(http("GET / HTTP/1.1", "Host: m", *more))
    model = await stage.model()
    return caller, model, await model.head()


async def finished(caller: Peer, model: Peer) -> None:
    await model.send(OK)
    await caller.response()


ASK = http("GET /next/v2/models/n HTTP/1.1", "Host: e")


async def test_the_only_call_in_flight_is_the_parent(next_model):
    async with sidecar(egress=True, route=next_model.route, service_name="first") as stage:
        caller, model, told = await asked_by(stage, "baggage: user=7", "x-request-id: order-1")
        out = await stage.modelled()
        await out.send(ASK)
        asked = await next_model.answers(stage)
        assert (await out.response()).body == b"ok"
        assert asked.startswith(b"GET /v2/models/n HTTP/1.1\r\n")
        assert fields(asked, "host") == [f"127.0.0.1:{next_model.port}"]
        assert fields(asked, "x-request-id") == ["order-1"]
        assert fields(asked, "baggage") == ["user=7,sidecar.chain=first"]
        (outbound,) = await heard(stage)
        assert parent(asked) == (parent(told)[0], outbound.record.span.client)
        assert outbound.record.span.parent == parent(told)[1], "what the model was told"
        assert (outbound.to, outbound.joined.how) == ("next", "only-one")
        await finished(caller, model)


async def test_a_model_that_passes_its_context_on_is_believed(next_model):
    async with sidecar(egress=True, route=next_model.route) as stage:
        first, model, told = await asked_by(stage)
        second, other, _ = await asked_by(stage)
        out = await stage.modelled()
        own = f"traceparent: 00-{parent(told)[0]}-00000000000000aa-01"
        await out.send(http("GET /next/ HTTP/1.1", "Host: e", own))
        asked = await next_model.answers(stage)
        await out.response()
        (outbound,) = await heard(stage)
        assert parent(asked)[0] == parent(told)[0]
        assert (outbound.record.span.parent, outbound.joined.how) == ("00000000000000aa", "context")
        await finished(first, model)
        await finished(second, other)


async def test_a_request_id_tells_two_calls_apart(next_model):
    async with sidecar(egress=True, route=next_model.route) as stage:
        first, model, _ = await asked_by(stage, "x-request-id: one")
        second, other, told = await asked_by(stage, "x-request-id: two")
        out = await stage.modelled()
        await out.send(http("GET /next/ HTTP/1.1", "Host: e", "X-Request-Id: two"))
        asked = await next_model.answers(stage)
        await out.response()
        (outbound,) = await heard(stage)
        assert parent(asked)[0] == parent(told)[0]
        assert outbound.joined.how == "request-id"
        await finished(first, model)
        await finished(second, other)


async def test_between_two_calls_no_parent_is_invented(next_model):
    async with sidecar(egress=True, route=next_model.route) as stage:
        first, model, told = await asked_by(stage)
        second, other, also = await asked_by(stage)
        out = await stage.modelled()
        await out.send(ASK)
        asked = await next_model.answers(stage)
        await out.response()
        (outbound,) = await heard(stage)
        assert parent(asked)[0] not in (parent(told)[0], parent(also)[0])
        assert outbound.record.span.parent == ""
        assert (outbound.joined.how, outbound.joined.confidence) == ("ambiguous", 0.5)
        assert set(outbound.joined.links) == {parent(told), parent(also)}
        assert fields(asked, "baggage") == ["sidecar.chain=sidecar"], "nobody's baggage is given away"
        await finished(first, model)
        await finished(second, other)


async def test_after_the_call_nobody_is_its_parent(next_model):
    async with sidecar(egress=True, route=next_model.route) as stage:
        await finished(*(await asked_by(stage))[:2])
        out = await stage.modelled()
        await out.send(ASK)
        await next_model.answers(stage)
        await out.response()
        (outbound,) = await heard(stage)
        assert (outbound.joined.how, outbound.record.span.parent) == ("none", "")


async def test_a_forward_proxy_tells_strangers_nothing_of_the_caller(next_model):
    async with sidecar(egress=True) as stage:
        caller, model, told = await asked_by(stage, "baggage: user=7")
        out = await stage.modelled()
        await out.send(http(f"GET http://127.0.0.1:{next_model.port}/a?b=c HTTP/1.1", "Host: x"))
        asked = await next_model.answers(stage)
        await out.response()
        assert asked.startswith(b"GET /a?b=c HTTP/1.1\r\n")
        assert "user=7" not in " ".join(fields(asked, "baggage"))
        assert parent(asked)[0] == parent(told)[0]
        (outbound,) = await heard(stage)
        assert outbound.to == f"127.0.0.1:{next_model.port}"
        await finished(caller, model)


async def test_the_next_sidecars_findings_reach_the_model(next_model):
    odd = http("HTTP/1.1 200 OK", "Content-Length: 2", "x-anomaly-verdict: outlier", body=b"ok")
    async with sidecar(egress=True, route=next_model.route) as stage:
        out = await stage.modelled()
        await out.send(ASK)
        await next_model.answers(stage, odd)
        assert (await out.response()).field("x-anomaly-verdict") == "outlier"


async def test_a_target_that_is_down_or_unknown_or_ourselves(next_model):
    next_model.sock.close()
    async with sidecar(egress=True, route=next_model.route) as stage:
        out = await stage.modelled()
        await out.send(ASK)
        await out.problem("upstream-refused")
        ours = stage.plane.settings.egress
        for asked in ("/elsewhere", f"http://{ours}/"):
            out = await stage.modelled()
            await out.send(http(f"GET {asked} HTTP/1.1", "Host: e"))
            await out.problem("no-route")


async def test_whatever_keeps_a_call_from_its_target_is_answered(next_model):
    route = next_model.route.replace("http:", "https:")
    async with sidecar(egress=True, route=route, upstream_ca="/gone.pem", errors=2) as stage:
        for _ in range(2):
            out = await stage.modelled()
            await out.send(ASK)
            await out.problem("internal")
        assert {one.record.failure for one in await heard(stage, 2)} == {"internal"}


async def test_calls_to_the_model_go_on_as_before():
    async with sidecar(egress=True) as stage:
        caller, model, _ = await asked_by(stage)
        await finished(caller, model)
        for _ in range(3):
            await caller.send(GET)
            await model.request()
            await finished(caller, model)
        assert stage.plane.answering == {}
