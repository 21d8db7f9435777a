"""The limits that all calls share, and the counts of what became of them."""

import asyncio

import msgspec

from sidecar.proxy.plane import Plane
from tests.proxy.dialogue import GET, OK, POST, http, sidecar

LIMIT = 1000


def counted(plane: Plane) -> dict[str, int]:
    """What failed, by cause."""
    return plane.counters().failed


# -- too many at once ------------------------------------------------------------------------------


async def test_one_call_too_many():
    async with sidecar(max_concurrent_calls=2) as stage:
        first, model = await stage.begin(GET)
        await stage.begin(GET)
        third = await stage.caller()
        await third.send(POST)
        problem = await third.problem("overloaded")
        assert "2 calls" in problem["detail"]
        await stage.no_model()
        await model.send(OK)  # one ends, and there is room again
        await first.response()
        await third.send(POST)
        await model.request()
        await model.send(OK)
        assert (await third.response()).status == 200
        assert counted(stage.plane) == {"overloaded": 1}


async def test_one_call_too_many_with_a_long_body():
    async with sidecar(max_concurrent_calls=1) as stage:
        await stage.begin(GET)
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Content-Length: 9000000", body=b"x" * 500_000))
        await caller.problem("overloaded")
        caller.finish()
        await caller.gone()


async def test_one_connection_too_many():
    async with sidecar(max_connections=2) as stage:
        callers = [await stage.caller() for _ in range(2)]
        await stage.until(lambda: len(stage.plane.clients) == 2, "the connections")
        third = await stage.caller()
        assert await third.rest() == b""
        assert stage.plane.failures["too-many-connections"] == 1
        callers[0].close()
        await stage.until(lambda: len(stage.plane.clients) == 1, "the connection to be closed")
        again, model = await stage.begin(GET)
        await model.send(OK)
        assert (await again.response()).status == 200


# -- too much --------------------------------------------------------------------------------------


async def test_a_declared_body_that_is_too_large():
    async with sidecar(max_body_bytes=LIMIT) as stage:
        for _ in range(2):  # the second time, the head is recalled
            caller = await stage.caller()
            await caller.send(
                http("POST / HTTP/1.1", "Host: m", f"Content-Length: {LIMIT + 1}", body=b"x" * (LIMIT + 1))
            )
            problem = await caller.problem("body-too-large")
            assert str(LIMIT) in problem["detail"]
        await stage.no_model()
        assert counted(stage.plane) == {"body-too-large": 2}
        assert [record.status for record in await stage.records(2)] == [413, 413]


async def test_a_caller_who_asks_before_sending_too_much_need_not_send_it():
    async with sidecar(max_body_bytes=LIMIT) as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Expect: 100-continue", "Content-Length: 9999"))
        await caller.problem("body-too-large")


async def test_chunks_that_add_up_to_too_much():
    async with sidecar(max_body_bytes=LIMIT) as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Transfer-Encoding: chunked"))
        model = await stage.model()
        await model.head()
        for _ in range(LIMIT // 100):
            await caller.send(b"64\r\n%b\r\n" % (b"x" * 100))
            assert await model.chunk() == b"x" * 100
        await caller.send(b"1\r\nx\r\n")
        await caller.problem("body-too-large")
        assert await model.rest() == b""  # cut off: never ended as if it were whole


async def test_as_much_as_is_allowed():
    async with sidecar(max_body_bytes=LIMIT) as stage:
        body = b"x" * LIMIT
        _, response = await stage.call(
            http("POST / HTTP/1.1", "Host: m", f"Content-Length: {LIMIT}", body=body), OK
        )
        assert response.status == 200


async def test_a_body_of_any_size_when_there_is_no_limit():
    async with sidecar() as stage:
        caller = await stage.caller()
        size = 20_000_000
        sending = asyncio.ensure_future(
            caller.send(http("POST / HTTP/1.1", "Host: m", f"Content-Length: {size}", body=b"x" * size))
        )
        model = await stage.model()
        assert len(await model.request()) > size
        await sending
        await model.send(OK)
        assert (await caller.response()).status == 200


# -- counts ----------------------------------------------------------------------------------------


async def test_counters_add_up():
    async with sidecar() as stage:
        assert stage.plane.counters().calls == 0
        caller, model = await stage.begin(GET)
        now = stage.plane.counters()
        assert (now.calls, now.in_flight, now.connections, now.upstream_connections) == (1, 1, 1, 1)
        await model.send(OK)
        await caller.response()
        await caller.send(GET)
        await model.request()
        caller.reset()
        await model.rest()
        await stage.until(lambda: stage.plane.counters().connections == 0, "everything to be closed")
        now = stage.plane.counters()
        assert (now.calls, now.in_flight, now.failed) == (2, 0, {"client-gone": 1})


async def test_time_outs_are_looked_at_often_enough():
    async with sidecar(upstream_timeout=8.0, header_timeout=2.0) as stage:
        assert stage.plane.sweep_seconds() == 0.5
    async with sidecar(total_timeout=0.01) as stage:
        assert stage.plane.sweep_seconds() == 0.05
    async with sidecar(upstream_timeout=600.0, header_timeout=600.0, idle_timeout=600.0) as stage:
        assert stage.plane.sweep_seconds() == 1.0


async def test_other_settings_hold_from_the_next_call_on():
    async with sidecar(expose="caller", max_body_bytes=1) as stage:
        caller = await stage.caller()
        await caller.send(POST)
        await caller.problem("body-too-large")
        changed = {"expose": "none", "max_body_bytes": 2, "connect_timeout": 0.5, "header_timeout": 0.4}
        await stage.retune(msgspec.structs.replace(stage.plane.settings, **changed))
        caller = await stage.caller()
        await caller.send(POST)
        model = await stage.model()
        await model.request()
        await model.send(OK)
        assert (await caller.response()).field("x-anomaly-verdict") is None
        slow = await stage.caller()
        await slow.send(b"GET / HT")
        await slow.problem("request-timeout")
