"""A caller's connection: requests in line, limits on heads, what is read after a refusal, its end."""

import asyncio

import pytest

from tests.proxy.dialogue import GET, OK, POST, Response, forwarded, http, sidecar, without_ours
from tests.proxy.reference import ReferenceModel

LIMIT = 1000


# -- requests in line ------------------------------------------------------------------------------


def numbered(number: int) -> bytes:
    body = b"%d" % number * (number % 3)
    return http(f"POST /{number} HTTP/1.1", "Host: m", f"Content-Length: {len(body)}", body=body)


@pytest.mark.parametrize("size", [0, 1, 7])
async def test_pipelined_calls_are_answered_in_their_order(size):
    async with sidecar() as stage:
        caller = await stage.caller()
        requests = [numbered(number) for number in range(10)]
        sending = asyncio.ensure_future(caller.send(b"".join(requests), size=size))
        model = await stage.model()
        for number, request in enumerate(requests):
            assert forwarded(await model.request()) == request
            await model.quiet(0.002)  # the next one waits for this answer
            await model.send(http("HTTP/1.1 200 OK", "Content-Length: 1", body=b"%d" % number))
            assert (await caller.response()).body == b"%d" % number
        await sending


async def test_a_failure_in_line_is_answered_in_its_turn():
    async with sidecar(max_body_bytes=10) as stage:
        caller = await stage.caller()
        too_large = http("POST / HTTP/1.1", "Host: m", "Content-Length: 0011", body=b"12345678901")
        await caller.send(GET + too_large)
        model = await stage.model()
        await model.request()
        await caller.quiet()
        await model.send(OK)
        assert (await caller.response()).body == b"ok"
        await caller.problem("body-too-large")


@pytest.mark.parametrize(
    "bad", [b"X\r\n\r\n", b"POST / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"]
)
async def test_a_malformed_request_in_line_is_answered_in_its_turn(bad):
    """Were it answered at once, its answer would be taken for the first one's, and so on for all."""
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(GET + POST + bad)
        model = await stage.model()
        for _ in range(2):
            await model.request()
            await caller.quiet(0.01)
            await model.send(OK)
            assert (await caller.response()).body == b"ok"
        assert (await caller.response()).status in (400, 501)
        await model.quiet()


async def test_a_thousand_in_line_that_fail_at_once():
    """Each ends the one before it; that must not nest."""
    async with sidecar(max_concurrent_calls=1) as stage:
        await stage.begin(GET)
        caller = await stage.caller()
        await caller.send(GET * 1000)
        for _ in range(1000):
            await caller.problem("overloaded")
        assert stage.plane.in_flight == 1


async def test_a_long_line_does_not_fill_the_memory():
    """While calls wait, no more is read."""
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        assert await caller.flood(50, numbered(2)) < 20
        caller.close()
        for _ in range(2):  # with reading paused, only writing tells that the caller has left
            await model.send(OK)
            await asyncio.sleep(0.01)


# -- heads -----------------------------------------------------------------------------------------


def of_size(size: int) -> bytes:
    """A request whose target and fields count `size` bytes."""
    return http("GET / HTTP/1.1", "Host: m", f"X: {'x' * (size - 1 - 9 - 5)}")


REQUEST_LINE = len(b"GET  HTTP/1.1\r\n\r\n")
"""Bytes that count only when a head comes in pieces, and nobody knows yet what they are."""


@pytest.mark.parametrize("before", [b"", POST, GET * 100])
@pytest.mark.parametrize("size", [0, 1, 100])
@pytest.mark.parametrize("over", [-REQUEST_LINE, 1])
async def test_the_limit_on_heads_is_exact(before, size, over):
    request = of_size(LIMIT + over)
    async with sidecar(max_header_bytes=LIMIT) as stage, ReferenceModel(stage.listening) as model:
        caller = await stage.caller()
        await caller.send(before + request, size=size)
        for _ in range(before.count(b"Host")):
            assert (await caller.response()).status == 200
        if over < 0:
            assert (await caller.response()).status == 200
            assert without_ours(model.raw) == before + request
        else:
            await caller.problem("headers-too-large")


async def test_a_large_body_is_no_large_head():
    body = b"x" * 100_000
    request = http("POST / HTTP/1.1", "Host: m", "Content-Length: 100000", body=body)
    async with sidecar(max_header_bytes=LIMIT) as stage:
        caller = await stage.caller()
        await caller.send(request + GET)
        model = await stage.model()
        assert forwarded(await model.request()) == request
        await model.send(OK)
        assert forwarded(await model.request()) == GET


@pytest.mark.parametrize("size", [1, 100])
async def test_small_chunks_are_no_large_head(size):
    chunks = b"".join(b"1\r\n%d\r\n" % (number % 10) for number in range(LIMIT)) + b"0\r\n\r\n"
    async with sidecar(max_header_bytes=LIMIT) as stage:
        caller = await stage.caller()
        sending = asyncio.ensure_future(
            caller.send(
                http("POST / HTTP/1.1", "Host: m", "Transfer-Encoding: chunked", body=chunks), size=size
            )
        )
        model = await stage.model()
        await model.head()
        assert await model.chunks() == (b"0123456789" * (LIMIT // 10), b"")
        await sending


# -- after a refusal -------------------------------------------------------------------------------


async def test_a_refused_caller_can_read_why_while_it_still_sends():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Content-Length: 1000000", body=b"x" * 100_000))
        await caller.send(b"x" * 100_000)
        await caller.problem("bad-request")
        await caller.send(b"x" * 100_000)
        caller.finish()
        await caller.gone()


async def test_a_refused_caller_that_goes_on_forever_is_cut_off(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.listener.LINGER_SECONDS", 0.1)
    async with sidecar(header_timeout=0.2) as stage:
        caller = await stage.caller()
        await caller.send(b"nonsense\r\n\r\n")
        assert (await caller.response()).status == 501
        await caller.gone()


async def test_only_one_answer_to_one_refusal():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(b"GET / HTTP/1.1\r\nbad header\r\n" + b"x" * 100_000)  # malformed, and too large
        await caller.problem("bad-request")
        caller.finish()
        await caller.gone()


async def test_refusals_are_counted():
    async with sidecar() as stage:
        for request in (
            http("GET / HTTP/1.1"),
            http("POST / HTTP/1.1", "Host: m", "Transfer-Encoding: chunked", body=b"x"),
        ):
            caller = await stage.caller()
            await caller.send(request)
            await caller.problem("bad-request")
        assert stage.plane.counters().failed == {"bad-request": 2}


# -- the end ---------------------------------------------------------------------------------------


async def test_close_is_honoured():
    async with sidecar() as stage:
        caller, model = await stage.begin(http("GET / HTTP/1.1", "Host: m", "Connection: Close"))
        await model.send(OK)
        response: Response = await caller.response()
        assert response.field("connection") == "close"
        await caller.gone()


async def test_nothing_follows_the_last_answer():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("GET / HTTP/1.0", "Host: m") + GET + b"nonsense\r\n\r\n")
        model = await stage.model()
        await model.request()
        await model.send(OK)
        assert (await caller.response()).body == b"ok"
        caller.finish()
        await caller.gone()
        await model.quiet()


async def test_a_connection_that_never_says_anything():
    async with sidecar() as stage:
        caller = await stage.caller()
        caller.finish()
        await caller.gone()


async def test_half_a_head_and_an_end():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(b"GET / HTTP/1.1\r\nHos")
        caller.finish()
        await caller.gone()
        await stage.no_model()
