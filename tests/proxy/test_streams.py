"""Bodies on their way: piece by piece, both ways at once, and never more of them here than can go on."""

import asyncio

import pytest

from tests.proxy.dialogue import GET, MEGABYTE, OK, answered, forwarded, http, sidecar

CHUNKED = http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")


async def test_server_sent_events_arrive_one_by_one():
    async with sidecar() as stage:
        caller, model = await stage.begin(
            http("GET /events HTTP/1.1", "Host: m", "Accept: text/event-stream")
        )
        head = http("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        await model.send(head)
        assert answered(await caller.head()) == head  # before there is any event
        for number in range(5):
            event = b"data: %d\n\n" % number
            await model.send(b"%x\r\n%b\r\n" % (len(event), event))
            assert await caller.chunk() == event
            await caller.quiet(0.005)
        await model.send(b"0\r\n\r\n")
        assert await caller.chunk() == b""


async def test_a_stream_without_any_framing_arrives_piece_by_piece():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(http("HTTP/1.0 200 OK"))
        await caller.head()
        for piece in (b"a", b"bc", b"def"):
            await model.send(piece)
            assert await caller.chunk() == piece
        model.close()
        assert await caller.chunk() == b""


async def test_an_upload_goes_on_before_it_is_whole():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("POST /up HTTP/1.1", "Host: m", "Transfer-Encoding: chunked"))
        model = await stage.model()
        await model.head()
        for piece in (b"one", b"two", b"three"):
            await caller.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            assert await model.chunk() == piece
        await caller.send(b"0\r\n\r\n")
        assert await model.chunk() == b""
        await model.send(OK)
        assert (await caller.response()).body == b"ok"


async def test_an_answer_that_comes_before_the_whole_request():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("POST /up HTTP/1.1", "Host: m", "Content-Length: 1000000", body=b"x" * 10))
        model = await stage.model()
        await model.head()
        await model.send(http("HTTP/1.1 401 Unauthorized", "Content-Length: 2", body=b"no"))
        response = await caller.response()
        assert (response.status, response.body) == (401, b"no")
        assert response.field("connection") == "close"
        assert await model.rest() == b"x" * 10  # its connection ends: the rest of the body never comes
        await caller.send(b"x" * 500_000)  # thrown away, so that the caller gets to read its answer
        caller.finish()
        await caller.gone()
        (record,) = await stage.records()
        assert (record.status, record.failure, record.reason) == (401, "", "unknown-format")


async def test_an_upload_that_goes_on_while_the_answer_streams():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("POST /echo HTTP/1.1", "Host: m", "Transfer-Encoding: chunked"))
        model = await stage.model()
        await model.head()
        await model.send(CHUNKED)
        await caller.head()
        for piece in (b"a", b"bb"):
            await caller.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            assert await model.chunk() == piece
            await model.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            assert await caller.chunk() == piece
        await caller.send(b"0\r\n\r\n")
        assert await model.chunk() == b""
        await model.send(b"0\r\n\r\n")
        assert await caller.chunk() == b""


async def test_expect_100_continue():
    async with sidecar() as stage:
        caller = await stage.caller()
        head = http("POST / HTTP/1.1", "Host: m", "Expect: 100-continue", "Content-Length: 2")
        await caller.send(head)
        model = await stage.model()
        assert forwarded(await model.head()) == head  # at once: the caller waits for the model's word
        await caller.quiet()
        await model.send(http("HTTP/1.1 100 Continue"))
        assert await caller.head() == http("HTTP/1.1 100 Continue")
        await caller.send(b"hi")
        assert await model.exactly(2) == b"hi"
        await model.send(OK)
        assert (await caller.response()).body == b"ok"


async def test_expect_100_continue_refused_by_the_model():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Expect: 100-continue", "Content-Length: 2"))
        model = await stage.model()
        await model.head()
        await model.send(http("HTTP/1.1 417 Expectation Failed", "Content-Length: 0"))
        response = await caller.response()
        assert (response.status, response.field("connection")) == (417, "close")


@pytest.mark.parametrize("together", [True, False])
async def test_interim_answers_pass_without_our_fields(together):
    hints = http("HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload", "x-anomaly-score: 0")
    async with sidecar() as stage:
        caller = await stage.caller()
        for _ in range(2):  # the second time, heads are recalled
            await caller.send(GET)
            model = await stage.model() if not _ else model  # noqa: F821
            await model.request()
            for part in [http("HTTP/1.1 100 Continue") + hints + OK] if together else [hints, hints, OK]:
                await model.send(part)
            if together:
                assert await caller.head() == http("HTTP/1.1 100 Continue")
            else:
                assert b"103" in await caller.head()
            assert await caller.head() == http("HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload")
            assert (await caller.response()).body == b"ok"


async def test_an_interim_head_is_never_taken_for_the_final_one():
    """Both came in one read once: the bytes of the first must not be remembered as meaning the second."""
    empty = http("HTTP/1.1 200 OK", "Content-Length: 0")
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 100 Continue") + empty)
        await caller.head()
        assert (await caller.response()).status == 200
        await caller.send(GET)
        await model.request()
        await model.send(http("HTTP/1.1 100 Continue"))
        assert await caller.head() == http("HTTP/1.1 100 Continue")
        await caller.quiet()
        await model.send(OK)
        assert (await caller.response()).body == b"ok"


# -- back-pressure ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_model_that_does_not_read_stops_the_caller(fresh):
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(OK)
        await caller.response()
        if fresh:
            model.close()
            await stage.until(lambda: stage.plane.pool.open == 0, "the model's connection to be closed")
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Content-Length: 104857600"))
        assert await caller.flood(100) < 20, "the rest would have to be in the sidecar's memory"
        if fresh:
            await stage.model()


async def test_a_caller_that_does_not_read_stops_the_model():
    async with sidecar() as stage:
        _, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 104857600"))
        assert await model.flood(100) < 20


async def test_a_caller_that_pipelines_and_does_not_read_stops_the_model():
    """The first answer fills the buffers; the second must find them full."""
    async with sidecar(send_buffer=4096) as stage:
        caller = await stage.caller(receive_buffer=4096)
        await caller.send(GET + GET)
        model = await stage.model()
        await model.request()
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 120000") + MEGABYTE[:120_000])
        await stage.records()
        (client,) = stage.plane.clients
        assert client.stuck_since, "the first call is over, and its answer still here"
        await model.request()
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 104857600"))
        assert await model.flood(100) < 20


async def test_both_ways_at_full_size_everything_arrives():
    async with sidecar() as stage:
        caller = await stage.caller(receive_buffer=8192)
        await caller.send(http("POST / HTTP/1.1", "Host: m", f"Content-Length: {20 * len(MEGABYTE)}"))
        model = await stage.model()
        await model.head()

        async def echo() -> None:
            await model.send(http("HTTP/1.1 200 OK", f"Content-Length: {20 * len(MEGABYTE)}"))
            for _ in range(20):
                await model.send(await model.exactly(len(MEGABYTE)))

        async def upload() -> None:
            for _ in range(20):
                await caller.send(MEGABYTE)

        async with asyncio.TaskGroup() as both:
            both.create_task(echo())
            both.create_task(upload())
            await caller.head()
            for _ in range(20):
                assert await caller.exactly(len(MEGABYTE)) == MEGABYTE
        (record,) = await stage.records()
        assert record.request_bytes == record.response_bytes == 20 * len(MEGABYTE)
