"""Heads seen before: remembered under their own bytes only, and never without bound."""

from sidecar.proxy.recall import LONGEST_HEAD, MOST_HEADS, Recall
from tests.proxy.dialogue import GET, OK, POST, forwarded, http, sidecar


def test_a_head_is_remembered_by_its_bytes():
    recall: Recall[str] = Recall()
    recall.keep(GET, "a GET")
    assert recall.get(GET) == "a GET"
    assert recall.get(GET.lower()) is None


def test_what_would_never_come_again_is_not_remembered():
    recall: Recall[str] = Recall()
    for field in (
        "traceparent: 00-1-1-01",
        "X-Request-Id: 1",
        "X-B3-TraceId: 1",
        "b3: 1",
        "Uber-Trace-Id: 1",
    ):
        raw = http("GET / HTTP/1.1", field)
        recall.keep(raw, "head")
        assert recall.get(raw) is None
    long = http("GET / HTTP/1.1", "X: " + "x" * LONGEST_HEAD)
    recall.keep(long, "head")
    assert recall.get(long) is None


def test_memory_is_bounded():
    recall: Recall[int] = Recall()
    for number in range(10 * MOST_HEADS):
        recall.keep(b"%d" % number, number)
    kept = [number for number in range(10 * MOST_HEADS) if recall.get(b"%d" % number) is not None]
    assert 0 < len(kept) <= MOST_HEADS
    assert kept[-1] == 10 * MOST_HEADS - 1


# -- in use ----------------------------------------------------------------------------------------


async def test_a_head_that_is_recalled_means_the_same():
    async with sidecar() as stage:
        caller = await stage.caller()
        model = None
        for request in (POST, GET, POST, GET, POST + GET, POST):
            await caller.send(request)
            model = model or await stage.model()
            for _ in range(request.count(b"Host")):
                got = forwarded(await model.request())
                assert got in (GET, POST)
                await model.send(OK)
                assert (await caller.response()).body == b"ok"
        assert {GET, POST[: -len(b"hi")]} <= set(stage.plane.recall._heads)


async def test_blank_lines_before_a_head_are_not_remembered_as_that_head():
    """Else an empty line, sent by anybody, would from then on be that request."""
    async with sidecar() as stage:
        caller, model = await stage.begin(b"\r\n\r\n" + GET)
        await model.send(b"\r\n\r\n" + http("HTTP/1.1 200 OK", "Content-Length: 0"))
        await caller.response()
        await caller.send(b"\r\n\r\n")
        await model.quiet()
        await caller.send(GET)
        await model.request()
        await model.send(b"\r\n\r\n")
        await caller.quiet()
        await model.send(OK)
        assert (await caller.response()).body == b"ok"


async def test_a_body_that_comes_later_is_waited_for():
    async with sidecar() as stage:
        _, model = await stage.begin(POST)
        await model.send(OK)
        caller = await stage.caller()
        await caller.send(POST[:-1])  # a head that is known, and not all of its body
        assert (await model.head()).startswith(b"POST")
        assert await model.exactly(1) == b"h"
        await caller.send(b"i")
        assert await model.exactly(1) == b"i"
        await model.send(OK[:-1])  # the same on the way back
        assert (await caller.head()).startswith(b"HTTP/1.1 200")
        await model.send(b"k")
        assert await caller.exactly(2) == b"ok"


async def test_a_known_answer_to_another_kind_of_request():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(OK)
        await caller.response()
        await caller.send(http("HEAD / HTTP/1.1", "Host: m"))
        await model.request()
        await model.send(OK[: -len(b"ok")])
        await caller.response(to="HEAD")
        await caller.send(GET)
        await model.request()
        await model.send(OK)
        assert (await caller.response()).body == b"ok"


async def test_a_known_answer_to_an_old_caller():
    async with sidecar() as stage:
        _, model = await stage.begin(GET)
        await model.send(OK)
        old = await stage.caller()
        await old.send(http("GET / HTTP/1.0", "Host: m"))
        await model.request()
        await model.send(OK)
        response = await old.response()
        assert (response.field("connection"), response.body) == ("close", b"ok")


async def test_a_known_head_after_which_more_comes():
    async with sidecar() as stage:
        caller, model = await stage.begin(GET)
        await model.send(OK)
        await caller.response()
        await caller.send(GET)
        await model.request()
        await model.send(OK + OK)
        assert (await caller.response()).body == b"ok"
        await caller.quiet()
        await model.gone()
