"""What sidecar adds to heads, and who gets to see it."""

import pytest

from sidecar.link import Drift
from tests.proxy.dialogue import GET, OK, answered, fields, forwarded, http, sidecar

FACTS = ("x-anomaly-verdict", "x-policy-action", "x-drift-state")

EXPOSE = {
    # who: (the model sees the facts, the caller sees the facts)
    "caller": (False, True),
    "model": (True, False),
    "both": (True, True),
    "none": (False, False),
}

PREDICT = http(
    "POST /v1/models/m:predict HTTP/1.1", "Host: m", "Content-Length: 19", body=b'{"instances":[[1]]}'
)


@pytest.mark.parametrize(
    ("expose", "model_sees", "caller_sees"), [(who, *sees) for who, sees in EXPOSE.items()]
)
async def test_who_sees_the_facts(expose, model_sees, caller_sees):
    async with sidecar(expose=expose) as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the observer")
        stage.observer.order(Drift(state="stable"))
        await stage.until(lambda: stage.plane.drift == "stable", "the order")
        got, response = await stage.call(PREDICT, OK)
        for name in FACTS:
            assert (len(fields(got, name)) == 1) == model_sees
            assert (response.field(name) is not None) == caller_sees
        assert fields(got, "traceparent")
        assert response.field("traceresponse")
        assert response.field("x-request-id") == fields(got, "x-request-id")[0]


async def test_nobody_can_forge_what_the_model_sees():
    forged = [f"{name}: forged" for name in FACTS]
    async with sidecar(expose="model") as stage:
        got, _ = await stage.call(http("GET / HTTP/1.1", "Host: m", *forged), OK)
        assert b"forged" not in got
        assert fields(got, "x-anomaly-verdict") == ['unscored; reason="unknown-format"']


async def test_our_fields_stand_at_the_end():
    async with sidecar() as stage:
        got, response = await stage.call(http("GET / HTTP/1.1", "Host: m", "X-A: 1"), OK)
        assert forwarded(got) == http("GET / HTTP/1.1", "Host: m", "X-A: 1")
        assert answered(response.head) == http("HTTP/1.1 200 OK", "Content-Length: 2")
        assert [line.partition(b":")[0] for line in response.head.split(b"\r\n")[2:-2]] == [
            b"x-anomaly-verdict",
            b"x-policy-action",
            b"x-request-id",
            b"traceresponse",
        ]


async def test_a_request_id_that_is_long_or_odd():
    """Kept to the letter for the model; in records and answers as much of it as is sensible."""
    for sent in ("x" * 300, "\xe9 \xff", 'a"b\\c', "urn:uuid:0"):
        async with sidecar() as stage:
            got, response = await stage.call(http("GET / HTTP/1.1", "Host: m", f"x-request-id: {sent}"), OK)
            (record,) = await stage.records()
            assert fields(got, "x-request-id") == [sent]
            assert response.field("x-request-id") == record.id == sent[:256]


async def test_several_request_ids():
    async with sidecar() as stage:
        got, response = await stage.call(
            http("GET / HTTP/1.1", "Host: m", "x-request-id: a", "X-Request-ID: b"), OK
        )
        assert fields(got, "x-request-id") == ["a", "b"]
        assert response.field("x-request-id") == "a"


async def test_an_empty_request_id_is_none():
    async with sidecar() as stage:
        got, response = await stage.call(http("GET / HTTP/1.1", "Host: m", "X-Request-Id:"), OK)
        assert fields(got, "x-request-id") == [response.field("x-request-id")]
        assert response.field("x-request-id")


async def test_the_id_of_a_cloud_event_names_a_call_that_has_no_other():
    async with sidecar() as stage:
        got, response = await stage.call(http("GET / HTTP/1.1", "Host: m", "Ce-Id: e-1", "Ce-Id: e-2"), OK)
        assert (fields(got, "ce-id"), fields(got, "x-request-id")) == (["e-1", "e-2"], ["e-1"])
        assert response.field("x-request-id") == "e-1"
        got, response = await stage.call(
            http("GET / HTTP/1.1", "Host: m", "Ce-Id: e-1", "X-Request-Id: a"), OK
        )
        assert (fields(got, "x-request-id"), response.field("x-request-id")) == (["a"], "a")


async def test_ids_are_never_the_same_twice():
    async with sidecar() as stage:
        await stage.calls(200)
        records = await stage.records(200)
        assert len({record.id for record in records}) == len({record.span.trace for record in records}) == 200


async def test_connection_close_is_said_once_and_only_when_it_is_so():
    async with sidecar() as stage:
        _, response = await stage.call(GET, OK)
        assert response.field("connection") is None
        _, response = await stage.call(http("GET / HTTP/1.1", "Host: m", "Connection: close"), OK)
        assert response.field("connection") == "close"
