"""The model's end: windows that were lent, data that nobody wants, and what is no HTTP/2."""

import threading

import pytest

from sidecar.proxy.grpc import frames
from tests.policy.documents import policy
from tests.proxy.dialogue import sidecar
from tests.proxy.grpc.peers import ANSWER, METHOD, WELL, asked, conversation, head, message
from tests.proxy.test_judging import Watched

SCORE_FIRST = policy("{name: odd, when: p <= 0.00001, action: block}")


async def test_an_answer_that_nobody_wants_gives_the_model_its_window_back():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await caller.send(frames.reset(1, frames.CANCEL))
        await model.next(frames.RST_STREAM)
        await model.send(model.headers(1, ANSWER), model.data(1, b"12345"))
        assert (await model.next(frames.WINDOW_UPDATE)).raw == frames.window_update(0, 5)


@pytest.mark.parametrize(
    "bad",
    [
        frames.frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, bytes(4)),
        frames.frame(frames.DATA, 0, 1, b"without a head"),
        frames.frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff" * 9),
        b"\xff" * 9,
    ],
)
async def test_a_model_that_speaks_no_http_2_fails_its_calls(bad):
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await model.send(bad)
        assert (await caller.heard()).field("x-sidecar-error") == "upstream-malformed"
        await model.next(frames.GOAWAY)
        await caller.next(frames.GOAWAY)
        await caller.peer.gone()


async def test_what_waits_for_a_score_does_not_use_up_the_callers_window():
    async with sidecar(grpc=True, policies=SCORE_FIRST) as stage:
        caller, model = await conversation(stage)
        await model.next(frames.SETTINGS)
        await caller.send(caller.headers(1, head(METHOD)))
        size = 16_000
        for _ in range(10):  # more than the model's window is
            await caller.send(caller.data(1, bytes(size)))
            assert (await caller.next(frames.WINDOW_UPDATE)).raw == frames.window_update(0, size)
            assert (await caller.next(frames.WINDOW_UPDATE)).raw == frames.window_update(1, size)
        await model.peer.quiet()
        await caller.send(caller.data(1, b"", ends=True))
        await model.heard()  # without a baseline there is no score to wait for
        assert await model.body(65_535) == bytes(65_535)
        await model.peer.quiet()  # its window is used up
        await model.send(frames.window_update(0, 50_000), frames.window_update(1, 50_000))
        assert await model.body(50_000) == bytes(50_000)
        await model.send(frames.window_update(1, 100_000), frames.window_update(0, 100_000))
        assert await model.body(160_000 - 115_535) == bytes(160_000 - 115_535)
        assert (await model.next(frames.DATA)).flags & frames.END_STREAM
        await model.send(frames.window_update(0, 70_000))  # 220,000 in all: 60,000 beyond what was lent
        assert frames.number(await caller.next(frames.WINDOW_UPDATE)) == 60_000
        await model.send(model.headers(1, ANSWER), model.headers(1, WELL, ends=True))
        assert (await caller.heard()).field("x-anomaly-verdict") == "learning; seen=0; need=500"


async def test_a_window_that_the_model_makes_smaller_is_kept_to():
    async with sidecar(grpc=True, policies=SCORE_FIRST) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head(METHOD)), caller.data(1, message(b"x" * 95)))
        await caller.next(frames.WINDOW_UPDATE)
        await caller.next(frames.WINDOW_UPDATE)
        await model.send(frames.settings_frame([(frames.INITIAL_WINDOW_SIZE, 10)]))
        await caller.next(frames.SETTINGS)
        await caller.send(caller.data(1, b"", ends=True))
        await model.heard()
        assert len(await model.body(1)) == 10
        await model.send(frames.settings_frame([(frames.INITIAL_WINDOW_SIZE, 100)]))
        assert len(await model.body(90)) == 90


async def test_a_blocked_call_leaves_no_debt():
    rules = policy("{name: closed, when: verdict == 'learning', action: block}")
    async with sidecar(grpc=True, policies=rules) as stage:
        caller, model = await conversation(stage)
        await model.next(frames.SETTINGS)
        await caller.send(caller.headers(1, head(METHOD)), caller.data(1, message(b"x"), ends=True))
        size = len(message(b"x"))
        assert (await caller.next(frames.WINDOW_UPDATE)).raw == frames.window_update(0, size)
        assert (await caller.heard()).field("grpc-status") == "7"
        await model.send(frames.window_update(0, 9))  # the model never saw it: nothing is to be repaid
        assert (await caller.next(frames.WINDOW_UPDATE)).raw == frames.window_update(0, 9)
        await model.peer.quiet()


@pytest.mark.parametrize("ends", ["caller", "model"])
async def test_an_answer_that_waited_for_a_score_in_vain_gives_the_model_its_window_back(ends):
    scored = threading.Event()
    slow = Watched(lambda _: scored.wait(10))
    slow.few = 0  # always scored in the thread
    async with sidecar(grpc=True, baseline=slow, score_deadline=10.0) as stage:
        caller, model = await conversation(stage)
        await model.next(frames.SETTINGS)
        await caller.send(caller.headers(1, head(METHOD)), caller.data(1, message(b"hi"), ends=True))
        await model.heard()
        await model.body(7)
        await model.send(model.headers(1, ANSWER), model.data(1, b"12345"), model.data(1, b"67"))
        if ends == "caller":
            await model.send(frames.frame(frames.PING, 0, 0, bytes(8)))
            await caller.next(frames.PING)  # it overtook the answer, which waits
            await caller.send(frames.reset(1, frames.CANCEL))
            await model.next(frames.RST_STREAM)
        else:
            await model.send(frames.reset(1, frames.INTERNAL_ERROR))
        assert (await model.next(frames.WINDOW_UPDATE)).raw == frames.window_update(0, 7)
        scored.set()


async def test_a_window_that_grows_before_the_call_may_begin_is_told_when_it_does():
    async with sidecar(grpc=True, policies=SCORE_FIRST) as stage:
        caller, model = await conversation(stage)
        await model.next(frames.SETTINGS)
        grown = [frames.window_update(1, count) for count in (70_000, 30_000)]
        await caller.send(caller.headers(1, head(METHOD)), *grown)
        await caller.send(caller.data(1, message(b"hi"), ends=True))
        await model.heard()
        assert (await model.frame()).raw == frames.window_update(1, 100_000)
        assert await model.body(7) == message(b"hi")
