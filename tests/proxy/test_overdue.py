"""Every time-out, as the caller and the model see it."""

import asyncio
import contextlib

import pytest

from tests.proxy.dialogue import GET, OK, POST, Peer, http, sidecar

SOON = 0.2
"""Seconds. Time-outs are looked at every 50 ms when they are this short."""

CHUNKED = http("POST / HTTP/1.1", "Host: m", "Transfer-Encoding: chunked")


async def drip(peer: Peer, data: bytes, seconds: float) -> bytes:
    """Send a byte now and then for `seconds`; what is left to send."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await peer.send(data[:1])
        data = data[1:]
        await asyncio.sleep(0.03)
    return data


async def test_a_model_that_stays_silent():
    async with sidecar(upstream_timeout=SOON) as stage:
        caller, model = await stage.begin(POST)
        problem = await caller.problem("upstream-timeout")
        assert "0.2 s" in problem["detail"]
        await model.rest()  # its work is cancelled
        await caller.send(GET)  # the caller's connection is still good
        await stage.model()


async def test_a_model_that_falls_silent_in_its_answer():
    async with sidecar(upstream_timeout=SOON) as stage:
        caller, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 10", body=b"12345"))
        assert (await caller.rest()).endswith(b"\r\n\r\n12345")
        (record,) = await stage.records()
        assert (record.status, record.failure) == (200, "response-truncated")


async def test_a_model_that_is_slow_but_not_silent():
    async with sidecar(upstream_timeout=SOON) as stage:
        caller, model = await stage.begin(GET)
        await model.send(await drip(model, OK, 3 * SOON))
        assert (await caller.response()).body == b"ok"


async def test_interim_answers_are_signs_of_life():
    async with sidecar(upstream_timeout=SOON) as stage:
        caller, model = await stage.begin(GET)
        for _ in range(5):
            await asyncio.sleep(SOON / 2)
            await model.send(http("HTTP/1.1 102 Processing"))
            await caller.head()
        await model.send(OK)
        assert (await caller.response()).status == 200


async def test_a_head_that_takes_too_long():
    async with sidecar(header_timeout=SOON) as stage:
        caller = await stage.caller()
        await drip(caller, b"GET / HTTP/1.1\r\nHost: m\r\nX: " + b"x" * 100, SOON * 1.5)
        await caller.problem("request-timeout")
        caller.finish()
        await caller.gone()
        assert stage.plane.counters().failed == {"request-timeout": 1}


async def test_a_second_head_that_takes_too_long():
    async with sidecar(header_timeout=SOON) as stage:
        caller, model = await stage.begin(GET)
        await model.send(OK)
        await caller.response()
        await caller.send(b"GET / HTTP")
        await caller.problem("request-timeout")


async def test_many_slow_heads_leave_room_for_others():
    """Slowloris: each holds a connection for header-timeout and nothing else, and others are served."""
    async with sidecar(header_timeout=SOON) as stage:
        slow = [await stage.caller() for _ in range(100)]
        for caller in slow:
            await caller.send(b"GET / HTTP/1.1\r\nHost: m\r\nX: ")
        caller, model = await stage.begin(GET)
        await model.send(OK)
        assert (await caller.response()).status == 200
        for caller in slow:
            await caller.problem("request-timeout")


@pytest.mark.parametrize("head", [http("POST / HTTP/1.1", "Host: m", "Content-Length: 10"), CHUNKED])
async def test_a_body_that_stalls(head):
    async with sidecar(idle_timeout=SOON) as stage:
        caller = await stage.caller()
        await caller.send(head)
        model = await stage.model()
        await model.head()
        problem = await caller.problem("request-timeout")
        assert "body stalled" in problem["detail"]
        assert await model.rest() == b""


async def test_a_body_that_is_slow_but_does_not_stall():
    async with sidecar(idle_timeout=SOON, upstream_timeout=SOON) as stage:
        caller = await stage.caller()
        await caller.send(CHUNKED)
        model = await stage.model()
        await model.head()
        await drip(caller, b"1\r\nx\r\n" * 100, 3 * SOON)
        await caller.quiet(0.01)


async def test_a_caller_that_is_silent_while_the_answer_flows():
    async with sidecar(idle_timeout=SOON) as stage:
        caller = await stage.caller()
        await caller.send(CHUNKED)
        model = await stage.model()
        await model.head()
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 1000"))
        await model.send(await drip(model, b"x" * 1000, 3 * SOON))
        assert (await caller.response()).body == b"x" * 1000


async def test_a_model_that_does_not_take_the_request():
    async with sidecar(upstream_timeout=SOON, idle_timeout=10 * SOON) as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Content-Length: 104857600"))
        model = await stage.model()
        await model.head()
        await caller.flood(100)
        await caller.problem("upstream-timeout")


async def test_a_caller_that_does_not_take_its_answer():
    async with sidecar(idle_timeout=SOON, upstream_timeout=SOON) as stage:
        caller, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 104857600"))
        await model.flood(100)
        await model.rest()
        (record,) = await stage.records()
        assert record.failure == "client-gone"
        await caller.rest()
        assert caller.was_reset


LAST_BYTES = {
    # a caller's head, and what it sends of the body: the connection that its answer ends, in another way each
    "closed": (http("GET / HTTP/1.1", "Host: m", "Connection: close"), b""),
    "kept, and idle": (GET, b""),
    "answered before its request was whole": (http("POST / HTTP/1.1", "Host: m", "Content-Length: 9"), b"x"),
}


@pytest.mark.parametrize(("head", "body"), LAST_BYTES.values(), ids=LAST_BYTES)
async def test_a_caller_that_does_not_take_the_last_bytes_is_not_waited_for(head, body):
    async with sidecar(idle_timeout=SOON, send_buffer=4096) as stage:
        caller = await stage.caller(receive_buffer=4096)
        await caller.send(head + body)
        model = await stage.model()
        await model.head()
        size = 50_000  # more than the kernel takes, and less than makes the model wait
        await model.send(http("HTTP/1.1 200 OK", f"Content-Length: {size}", body=b"x" * size))
        (record,) = await stage.records()
        assert record.failure == ""
        await stage.until(lambda: not stage.plane.clients, "the end of a connection that nobody reads")


async def test_a_caller_that_takes_its_answer_slowly_is_not_cut_off():
    async with sidecar(idle_timeout=SOON, upstream_timeout=SOON, send_buffer=4096) as stage:
        caller = await stage.caller(receive_buffer=4096)
        await caller.send(GET)
        model = await stage.model()
        await model.head()
        size = 300_000
        await model.send(http("HTTP/1.1 200 OK", f"Content-Length: {size}", body=b"x" * size))
        await caller.head()
        got = len(caller.unread)
        loop = asyncio.get_running_loop()
        while got < size:
            await asyncio.sleep(SOON / 8)
            got += len(await loop.sock_recv(caller.sock, 8192))
        (record,) = await stage.records()
        assert record.failure == ""


async def test_an_idle_connection():
    async with sidecar(idle_timeout=SOON) as stage:
        silent = await stage.caller()
        served, model = await stage.begin(GET)
        await model.send(OK)
        await served.response()
        await silent.gone()
        await served.gone()


async def test_a_call_that_takes_too_long_in_all():
    async with sidecar(total_timeout=SOON) as stage:
        caller, model = await stage.begin(GET)
        with contextlib.suppress(ConnectionError):
            await drip(model, OK, 2 * SOON)
        problem = await caller.problem("upstream-timeout")
        assert "not finished" in problem["detail"]


async def test_an_answer_that_takes_too_long_in_all():
    async with sidecar(total_timeout=SOON) as stage:
        caller, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 1000"))
        with contextlib.suppress(ConnectionError):
            await drip(model, b"x" * 1000, 2 * SOON)
        assert len(await caller.rest()) < 1000
        (record,) = await stage.records()
        assert record.failure == "upstream-timeout"


async def test_a_tunnel_may_be_silent():
    settings = {"upstream_timeout": SOON, "idle_timeout": SOON, "total_timeout": SOON}
    async with sidecar(**settings) as stage:
        caller, model = await stage.begin(
            http("GET /ws HTTP/1.1", "Host: m", "Connection: Upgrade", "Upgrade: websocket")
        )
        await model.send(
            http("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")
        )
        await caller.head()
        await asyncio.sleep(3 * SOON)
        await model.send(b"still here")
        assert await caller.exactly(10) == b"still here"
