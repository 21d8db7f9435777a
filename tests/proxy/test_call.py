"""One exchange from its head to its record: streams, upgrades, and every way in which a call can end."""

import asyncio
import contextlib
import json

import pytest

from tests.proxy.dialogue import Peer, answered, fields, forwarded, http, sidecar

GET = http("GET / HTTP/1.1", "Host: m")
POST = http("POST / HTTP/1.1", "Host: m", "Content-Length: 2", body=b"hi")
OK = http("HTTP/1.1 200 OK", "Content-Length: 2", body=b"ok")
CHUNKED = http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")


async def fails(caller: Peer, status: int, cause: str, *, to: str = "GET") -> dict:
    """Read a problem, check its form, and return it."""
    response = await caller.response(to=to)
    assert (response.status, response.field("x-sidecar-error")) == (status, cause)
    assert response.field("content-type") == "application/problem+json"
    return json.loads(response.body) if to != "HEAD" else {}


# -- streams ---------------------------------------------------------------------------------------


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

MEGABYTE = bytes(range(256)) * 4096


async def flood(peer: Peer, megabytes: int) -> int:
    """Send until it is done or nothing more is taken for a while; the megabytes that were taken."""
    sent = 0
    loop = asyncio.get_running_loop()
    for _ in range(megabytes):
        try:
            async with asyncio.timeout(0.3):
                await loop.sock_sendall(peer.sock, MEGABYTE)
        except TimeoutError:
            break
        sent += 1
    return sent


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
        assert await flood(caller, 100) < 20, "the rest would have to be in the sidecar's memory"
        if fresh:
            await stage.model()


async def test_a_caller_that_does_not_read_stops_the_model():
    async with sidecar() as stage:
        _, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 104857600"))
        assert await flood(model, 100) < 20


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
        assert await flood(model, 100) < 20


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


# -- upgrade ---------------------------------------------------------------------------------------

UPGRADE = http(
    "GET /ws HTTP/1.1", "Host: m", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a"
)
SWITCHING = http(
    "HTTP/1.1 101 Switching Protocols", "Sec-WebSocket-Accept: b", "Connection: Upgrade", "Upgrade: websocket"
)


async def test_an_upgrade_passes_bytes_both_ways():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(UPGRADE)
        model = await stage.model()
        arrives = http(
            *(
                "GET /ws HTTP/1.1",
                "Host: m",
                "Sec-WebSocket-Key: a",
                "Connection: Upgrade",
                "Upgrade: websocket",
            )
        )
        assert forwarded(await model.head()) == arrives
        await model.send(SWITCHING)
        assert answered(await caller.head()) == SWITCHING
        for said in (b"\x81\x05hello", bytes(range(256)), b"GET / HTTP/1.1\r\n\r\n", b"\r\n" * 9):
            await caller.send(said)
            assert await model.exactly(len(said)) == said
            await model.send(said[::-1])
            assert await caller.exactly(len(said)) == said[::-1]


async def test_bytes_sent_before_the_switch_are_kept_for_after_it():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(UPGRADE + b"early")
        model = await stage.model()
        await model.head()
        await model.quiet()
        for more in (b" and", b" more"):
            await caller.send(more)
            await model.quiet(0.01)
        await model.send(SWITCHING + b"quick")
        await caller.head()
        assert await caller.exactly(5) == b"quick"
        assert await model.exactly(14) == b"early and more"


async def test_an_upgrade_that_is_declined_leaves_the_connection_speaking_http():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(UPGRADE + GET)  # the second would be early bytes, had the model agreed
        model = await stage.model()
        await model.head()
        await caller.send(POST)
        await model.quiet()
        for _ in range(3):
            await model.send(OK)
            assert (await caller.response()).body == b"ok"
            if _ < 2:
                assert forwarded(await model.request()) == [GET, POST][_]


async def test_the_caller_hangs_up_the_tunnel():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        await caller.send(b"last words")
        caller.close()
        assert await model.rest() == b"last words"
        (record,) = await stage.records()
        assert (record.status, record.failure) == (101, "")


async def test_the_model_hangs_up_the_tunnel():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        await model.send(b"last words")
        model.close()
        assert await caller.rest() == b"last words"


async def test_a_tunnel_has_back_pressure_too():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        assert await flood(caller, 50) < 20
        assert await flood(model, 50) < 20


async def test_an_upgrade_is_not_retried_and_not_pooled():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        caller.close()
        await model.gone()
        assert stage.plane.pool.take() is None


# -- a model that fails ----------------------------------------------------------------------------


async def test_the_model_closes_before_it_answers():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        model.close()
        problem = await fails(caller, 502, "upstream-closed")
        assert problem["title"] == "Model server closed the connection before answering"
        await caller.quiet()  # the caller's connection is still good
        again = http("GET /again HTTP/1.1", "Host: m")
        await caller.send(again)
        model = await stage.model()
        assert forwarded(await model.request()) == again


async def test_the_model_resets_before_it_answers():
    async with sidecar() as stage:
        caller, model = await stage.begin(POST)
        model.reset()
        await fails(caller, 502, "upstream-closed")


@pytest.mark.parametrize("cut", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"])
async def test_the_model_breaks_off_in_its_head(cut):
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(cut)
        model.close()
        await fails(caller, 502, "upstream-closed")


TRUNCATED = {
    # name: (what the model says before it breaks off, what the caller has of the body)
    "length": (http("HTTP/1.1 200 OK", "Content-Length: 10", body=b"12345"), b"12345"),
    "in a chunk": (CHUNKED + b"a\r\n12345", b"12345"),
    "between chunks": (CHUNKED + b"5\r\n12345\r\n", b"12345"),
    "before the empty line after the last chunk": (CHUNKED + b"5\r\n12345\r\n0\r\n", b"12345"),
    "in the trailers": (CHUNKED + b"5\r\n12345\r\n0\r\nX-T: 1\r\n", b"12345"),
}


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(("said", "body"), TRUNCATED.values(), ids=TRUNCATED)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_model_breaks_off_in_its_body(said, body, version, reset):
    """Whatever the framing, what the caller sees can be told from a whole answer."""
    async with sidecar() as stage:
        caller, model = await stage.begin(http(f"GET / HTTP/{version}", "Host: m"))
        await model.send(said)
        head = await caller.head()
        got = await (caller.until(body) if version == "1.1" else caller.exactly(len(body)))
        model.reset() if reset else model.close()
        got += await caller.rest()
        if fields(head, "content-length"):
            assert len(got) < 10
        elif fields(head, "transfer-encoding"):
            assert not got.endswith(b"0\r\n\r\n")
        else:
            assert caller.was_reset, "without framing, a clean end would be the end of a whole answer"
        (record,) = await stage.records()
        assert (record.status, record.failure) == (200, "response-truncated")


async def test_the_model_resets_an_answer_that_ends_with_the_connection():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", body=b"some"))
        await caller.until(b"some\r\n")
        model.reset()
        assert await caller.rest() == b""
        (record,) = await stage.records()
        assert record.failure == "response-truncated"


async def test_a_model_that_talks_nonsense_in_the_middle():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(CHUNKED + b"5\r\n12345\r\n")
        await caller.until(b"12345\r\n")
        await model.send(b"nonsense\r\n")
        assert await caller.rest() == b""
        (record,) = await stage.records()
        assert record.failure == "upstream-malformed"


# -- a kept connection that turns out closed -------------------------------------------------------


async def idle(stage) -> tuple[Peer, Peer]:
    """A caller and a model whose connections have served once and are kept."""
    caller, model = await stage.begin(GET)
    await model.send(OK)
    await caller.response()
    return caller, model


RETRIED = {
    # name: (request, whether it may be sent again)
    "GET": (GET, True),
    "HEAD": (http("HEAD / HTTP/1.1", "Host: m"), True),
    "DELETE": (http("DELETE / HTTP/1.1", "Host: m"), True),
    "OPTIONS": (http("OPTIONS * HTTP/1.1", "Host: m"), True),
    "PUT without a body": (http("PUT / HTTP/1.1", "Host: m", "Content-Length: 0"), True),
    "PUT": (http("PUT / HTTP/1.1", "Host: m", "Content-Length: 2", body=b"hi"), False),
    "POST": (POST, False),
    "POST without a body": (http("POST / HTTP/1.1", "Host: m", "Content-Length: 0"), False),
    "PATCH": (http("PATCH / HTTP/1.1", "Host: m"), False),
    "upgrade": (UPGRADE, False),
}


@pytest.mark.parametrize(("request_", "again"), RETRIED.values(), ids=RETRIED)
async def test_a_call_that_meets_a_closing_door(request_, again):
    async with sidecar() as stage:
        caller, model = await idle(stage)
        await caller.send(request_)
        await model.head()  # it arrived just as the model was about to close
        model.close()
        to = request_.partition(b" ")[0].decode()
        if again:
            fresh = await stage.model()
            assert forwarded(await fresh.request()) == request_
            await fresh.send(http("HTTP/1.1 200 OK", "Content-Length: 0"))
            assert (await caller.response(to=to)).status == 200
        else:
            await fails(caller, 502, "upstream-closed", to=to)
            await stage.no_model()


async def test_a_call_is_sent_again_only_once():
    async with sidecar() as stage:
        caller, model = await idle(stage)
        await caller.send(GET)
        await model.head()
        model.close()
        fresh = await stage.model()
        await fresh.head()
        fresh.close()
        await fails(caller, 502, "upstream-closed")
        await stage.no_model()


async def test_a_fresh_connection_is_not_tried_again():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        model.close()
        await fails(caller, 502, "upstream-closed")
        await stage.no_model()


async def test_a_call_is_not_sent_again_once_the_model_has_begun_to_answer():
    async with sidecar() as stage:
        caller, model = await idle(stage)
        await caller.send(GET)
        await model.head()
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 5"))
        await caller.head()
        model.close()
        assert await caller.rest() == b""
        await stage.no_model()


# -- a caller that leaves --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize(
    "request_", [GET, POST, http("POST / HTTP/1.1", "Host: m", "Content-Length: 9", body=b"hi")]
)
async def test_a_caller_that_leaves_cancels_the_models_work(how, request_):
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(request_)
        model = await stage.model()
        await model.head()
        getattr(caller, how)()
        await model.rest()
        (record,) = await stage.records()
        assert (record.failure, record.status) == ("client-gone", 0)


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_caller_that_leaves_in_the_middle_of_the_answer(how):
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(CHUNKED + b"5\r\n12345\r\n")
        await caller.until(b"12345\r\n")
        getattr(caller, how)()
        with contextlib.suppress(ConnectionError):  # the model is told, at the latest when it goes on
            for _ in range(100):
                await model.send(b"5\r\n12345\r\n")
                await asyncio.sleep(0.005)
            raise AssertionError("the model could go on and on")
        (record,) = await stage.records()
        assert record.failure == "client-gone"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_caller_that_only_closes_its_sending_side_gets_its_answer(version):
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http(f"GET / HTTP/{version}", "Host: m"))
        caller.finish()
        model = await stage.model()
        await model.head()
        await asyncio.sleep(0.15)  # so that every probe has gone out
        await model.send(OK)
        response = await caller.response()
        while response.status == 102:
            response = await caller.response()
        assert (response.status, response.body) == (200, b"ok")
        await caller.gone()


async def test_calls_in_line_are_all_answered_after_a_half_close():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(GET * 3)
        caller.finish()
        model = await stage.model()
        for _ in range(3):
            await model.request()
            await model.send(OK)
        got = await caller.rest()
        assert got.count(b"HTTP/1.1 200 OK\r\n") == 3


async def test_half_a_request_and_an_end_is_no_request():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Content-Length: 9", body=b"hi"))
        model = await stage.model()
        await model.head()
        caller.finish()
        assert await model.rest() == b"hi"  # cut short, never completed by us
        await caller.gone()
