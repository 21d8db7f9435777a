"""One exchange from its head to its record: every way in which a call can end."""

import asyncio
import contextlib

import pytest

from tests.proxy.dialogue import GET, OK, POST, Peer, fields, forwarded, http, sidecar

CHUNKED = http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
UPGRADE = http("GET /ws HTTP/1.1", "Host: m", "Connection: Upgrade", "Upgrade: websocket")


# -- a model that fails ----------------------------------------------------------------------------


async def test_the_model_closes_before_it_answers():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        model.close()
        await caller.problem("upstream-closed")
        await caller.quiet()  # the caller's connection is still good
        again = http("GET /again HTTP/1.1", "Host: m")
        await caller.send(again)
        model = await stage.model()
        assert forwarded(await model.request()) == again


async def test_the_model_resets_before_it_answers():
    async with sidecar() as stage:
        caller, model = await stage.begin(POST)
        model.reset()
        await caller.problem("upstream-closed")


@pytest.mark.parametrize("cut", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"])
async def test_the_model_breaks_off_in_its_head(cut):
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(cut)
        model.close()
        await caller.problem("upstream-closed")


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


# -- a fault of our own ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["listener.request_head", "upstream.response_head"])
async def test_a_fault_inside_the_sidecar_is_owned_up_to(name, monkeypatch):
    def fault(*_: object) -> None:
        raise ZeroDivisionError("a fault in reading heads")

    async with sidecar(errors=1) as stage:
        caller, model = await stage.begin(GET) if "upstream" in name else (await stage.caller(), None)
        monkeypatch.setattr(f"sidecar.proxy.{name}", fault)
        await (model.send(OK) if model else caller.send(GET))
        problem = await caller.problem("internal")
        assert "reading heads" not in str(problem)


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
            await caller.problem("upstream-closed", to=to)
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
        await caller.problem("upstream-closed")
        await stage.no_model()


async def test_a_fresh_connection_is_not_tried_again():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        model.close()
        await caller.problem("upstream-closed")
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
        while response.status == 100:
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


async def test_half_a_request_after_a_whole_one():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(GET + http("POST / HTTP/1.1", "Host: m", "Content-Length: 9", body=b"hi"))
        caller.finish()
        model = await stage.model()
        assert forwarded(await model.request()) == GET
        await model.send(OK)
        assert (await caller.rest()).endswith(b"\r\n\r\nok")
        assert (await model.rest()).endswith(b"hi")  # cut short, if it got there at all
