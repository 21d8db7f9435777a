"""The caller's end: greeting, settings, windows, refusals, and how a connection ends."""

import asyncio
import json
import random

import pytest

from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import Frame
from tests.policy.documents import policy
from tests.proxy.dialogue import GET, Stage, listening, sidecar
from tests.proxy.grpc.peers import ANSWER, H2, METHOD, WELL, called, calling, conversation, head, message


async def test_settings_pass_but_for_those_of_our_own_hops():
    async with sidecar(grpc=True) as stage:
        caller = H2(await stage.grpc_caller())
        pairs = [(1, 8192), (frames.MAX_FRAME_SIZE, 2**20), (frames.INITIAL_WINDOW_SIZE, 70_000), (0xFE03, 1)]
        await caller.send(frames.PREFACE, frames.settings_frame(pairs))
        model = H2(await stage.model())
        await model.peer.exactly(len(frames.PREFACE))
        passed = [(frames.MAX_FRAME_SIZE, frames.LARGEST), *pairs[2:], (frames.ENABLE_PUSH, 0)]
        assert frames.settings(await model.frame()) == passed
        ours = [(frames.ENABLE_PUSH, 1), (frames.MAX_CONCURRENT_STREAMS, 7)]
        await model.send(frames.settings_frame(ours), frames.frame(frames.SETTINGS, frames.ACK, 0))
        assert frames.settings(await caller.frame()) == ours[1:]
        assert (await caller.frame()).flags == frames.ACK


async def test_pings_windows_and_goodbyes_pass():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        ping = frames.frame(frames.PING, 0, 0, b"12345678")
        update = frames.window_update(0, 7)
        away = frames.goaway(5, 0, "bye")
        await caller.send(ping, update, away)
        await model.next(frames.SETTINGS)
        assert [(await model.frame()).raw for _ in range(3)] == [ping, update, away]
        await model.send(ping, update, away)
        await caller.next(frames.SETTINGS)
        assert [(await caller.frame()).raw for _ in range(3)] == [ping, update, away]


async def test_a_caller_that_speaks_http_1_is_told_so():
    async with sidecar(grpc=True) as stage:
        caller = await stage.grpc_caller()
        await caller.send(GET)
        response = await caller.response()
        assert response.status == 400
        assert "gRPC" in json.loads(response.body)["detail"]
        await caller.gone()
        await stage.no_model()


async def test_a_model_that_is_not_there_is_unavailable():
    gone = listening()
    port = gone.getsockname()[1]
    gone.close()
    async with sidecar(grpc=True, grpc_upstream=f"http://127.0.0.1:{port}") as stage:
        caller = await calling(stage)
        await caller.send(frames.frame(frames.PING, 0, 0, b"12345678"))
        assert (await caller.frame()).kind == frames.SETTINGS
        assert (await caller.frame()).flags == frames.ACK
        assert (await caller.frame()).raw == frames.frame(frames.PING, frames.ACK, 0, b"12345678")
        await caller.send(caller.headers(1, head(), ends=True))
        heard = await caller.heard()
        assert (heard.ends, heard.field("grpc-status")) == (True, "14")
        assert heard.field("x-sidecar-error") == "upstream-refused"
        await caller.next(frames.GOAWAY)
        await caller.peer.gone()
        (record,) = await stage.records()
        assert (record.failure, record.status) == ("upstream-refused", 502)


async def test_bytes_wait_while_the_model_is_connected_to():
    async with sidecar(grpc=True) as stage:
        caller = await calling(stage)
        await caller.send(caller.headers(1, head()), *(caller.data(1, bytes(16_000)) for _ in range(4)))
        model = await called(stage)
        await model.heard()
        assert await model.body(64_000) == bytes(64_000)


@pytest.mark.parametrize("size", [1, 7])
async def test_a_call_passes_byte_by_byte(size):
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.peer.send(
            caller.headers(1, head()) + caller.data(1, message(b"hi"), ends=True), size=size
        )
        assert (await model.heard()).stream == 1
        assert await model.body(7) == message(b"hi")
        await model.peer.send(model.headers(1, ANSWER) + model.headers(1, WELL, ends=True), size=size)
        assert (await caller.heard()).stream == 1
        assert (await caller.heard()).ends


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frames.frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, bytes(4)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.CONTINUATION, 0, 1), frames.PROTOCOL_ERROR),
        (
            frames.frame(frames.HEADERS, 0, 1) + frames.frame(frames.PING, 0, 0, bytes(8)),
            frames.PROTOCOL_ERROR,
        ),
        (frames.frame(frames.HEADERS, frames.END_HEADERS, 2), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff" * 9), frames.COMPRESSION_ERROR),
        (frames.frame(frames.DATA, 0, 9, b"x"), frames.PROTOCOL_ERROR),
        (frames.window_update(0, 0), frames.PROTOCOL_ERROR),
        (b"\xff\xff\xff\0\0\0\0\0\1", frames.FRAME_SIZE_ERROR),
        (
            frames.frame(frames.HEADERS, 0, 1) + frames.frame(frames.CONTINUATION, 0, 1, bytes(16_000)) * 6,
            frames.ENHANCE_YOUR_CALM,
        ),
        (
            frames.frame(frames.HEADERS, 0, 1) + frames.frame(frames.CONTINUATION, 0, 1),
            frames.ENHANCE_YOUR_CALM,
        ),
    ],
)
async def test_what_is_no_http_2_ends_the_connection_and_the_model_never_sees_it(bad, code):
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await model.next(frames.SETTINGS)
        await caller.send(bad)
        assert frames.number(await caller.next(frames.GOAWAY), 4) == code
        await caller.peer.gone()
        await model.peer.gone()


async def test_a_malformed_head_ends_only_its_stream():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, [*head(), (b"connection", b"x")], ends=True))
        assert frames.number(await caller.next(frames.RST_STREAM)) == frames.PROTOCOL_ERROR
        await caller.send(caller.headers(3, head(), ends=True))
        assert (await model.heard()).stream == 3
        assert stage.plane.failures["bad-request"] == 1


async def test_half_a_frame_is_not_passed_on():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head()), caller.data(1, b"whole"), caller.data(1, b"half")[:-1])
        await model.heard()
        assert await model.body(5) == b"whole"
        caller.peer.close()
        await model.peer.gone()


async def test_data_that_comes_too_late_gives_its_window_back():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head()))
        await model.heard()
        await model.send(frames.reset(1, frames.CANCEL))
        await caller.next(frames.RST_STREAM)
        await caller.send(caller.data(1, b"12345", ends=True))
        assert (await caller.next(frames.WINDOW_UPDATE)).raw == frames.window_update(0, 5)


@pytest.mark.parametrize("kind", ["data", "trailers"])
async def test_a_request_that_goes_on_after_its_end_is_over(kind):
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head()), caller.data(1, b"all", ends=True))
        await model.heard()
        assert (await model.next(frames.DATA)).flags & frames.END_STREAM
        more = caller.data(1, b"x") if kind == "data" else caller.headers(1, [(b"t", b"1")], ends=True)
        await caller.send(more)
        assert frames.number(await model.next(frames.RST_STREAM)) == frames.CANCEL
        assert frames.number(await caller.next(frames.RST_STREAM)) == frames.STREAM_CLOSED
        await caller.send(caller.headers(3, head(), ends=True))
        assert (await model.heard()).stream == 3


async def test_frames_may_be_as_large_as_the_other_side_takes():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await model.send(frames.settings_frame([(frames.MAX_FRAME_SIZE, 20_000)]))
        while not frames.settings(await caller.next(frames.SETTINGS)):
            pass
        await caller.send(caller.headers(1, head()), caller.data(1, bytes(20_000), ends=True))
        await model.heard()
        assert len((await model.next(frames.DATA)).raw) == frames.HEAD_BYTES + 20_000
        more = model.data(1, bytes(16_385))  # the caller said that it takes 16,384
        await model.send(model.headers(1, ANSWER), more)
        assert not (await caller.heard()).ends
        assert (await caller.heard()).field("x-sidecar-error") == "upstream-malformed"
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head()), caller.data(1, bytes(16_385)))
        assert frames.number(await caller.next(frames.GOAWAY), 4) == frames.FRAME_SIZE_ERROR


async def test_padding_stays_here_and_its_window_comes_back():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        padded = frames.frame(frames.DATA, frames.PADDED | frames.END_STREAM, 1, b"\x03" + b"hi" + bytes(3))
        await caller.send(caller.headers(1, head()), padded)
        await model.heard()
        assert (await model.next(frames.DATA)) == Frame(
            0, frames.END_STREAM, 1, caller.data(1, b"hi", ends=True)
        )
        assert frames.number(await caller.next(frames.WINDOW_UPDATE)) == 4


async def test_at_the_end_no_new_call_is_taken_and_the_last_one_is_finished():
    async with sidecar(grpc=True, drain_timeout=3.0) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head(), ends=True))
        await model.heard()
        stopping = asyncio.get_running_loop().create_task(stage.worker.stop())
        away = await caller.next(frames.GOAWAY)
        assert (frames.number(away), frames.number(away, 4)) == (1, frames.NO_ERROR)
        await caller.send(caller.headers(3, head(), ends=True))
        await model.send(model.headers(1, ANSWER), model.headers(1, WELL, ends=True))
        assert (await caller.heard()).stream == 1
        assert (await caller.heard()).ends
        await caller.next(frames.GOAWAY)
        await caller.peer.gone()
        await stopping


async def test_a_call_that_comes_too_late_at_the_end_does_no_harm_to_those_in_flight():
    async with sidecar(grpc=True, drain_timeout=5.0) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head(), ends=True))
        await model.heard()
        stopping = asyncio.get_running_loop().create_task(stage.worker.stop())
        await caller.next(frames.GOAWAY)
        late = caller.data(3, message(b"late"), ends=True)  # it was on its way when the good-bye came
        await caller.send(caller.headers(3, head()), late)
        assert (await caller.next(frames.WINDOW_UPDATE)).raw == frames.window_update(0, 9)
        await model.send(model.headers(1, ANSWER), model.headers(1, WELL, ends=True))
        assert (await caller.heard()).stream == 1
        assert (await caller.heard()).field("grpc-status") == "0"
        away = await caller.next(frames.GOAWAY)
        assert (frames.number(away), frames.number(away, 4)) == (1, frames.NO_ERROR)
        await caller.peer.gone()
        await stopping


async def test_a_caller_that_does_not_take_the_last_bytes_is_not_waited_for():
    async with sidecar(grpc=True, idle_timeout=0.2, send_buffer=4096) as stage:
        caller = await calling(stage, receive_buffer=4096)
        model = await called(stage)
        await caller.send(caller.headers(1, head(), ends=True))
        await model.heard()
        await model.send(model.headers(1, ANSWER), *[model.data(1, bytes(10_000)) for _ in range(6)])
        await stage.until(lambda: stage.plane.calls == 1, "the call")
        model.peer.close()
        await stage.until(lambda: not stage.plane.grpc_clients, "the end of a connection that nobody reads")


async def test_a_caller_that_never_greets_is_not_waited_for():
    async with sidecar(grpc=True, header_timeout=0.1) as stage:
        caller = await stage.grpc_caller()
        await caller.send(frames.PREFACE[:10])
        await caller.rest()


async def test_whatever_comes_neither_crashes_nor_hangs():
    """Frames at random, cut at random: each connection ends, or goes on to serve a call."""
    dice = random.Random(11)
    async with sidecar(grpc=True) as stage:
        for _ in range(60):
            caller, model = await conversation(stage)
            garbage = b"".join(_garbage(dice) for _ in range(dice.randrange(1, 12)))
            await caller.send(garbage[: dice.randrange(1, len(garbage) + 1)])
            await model.send(b"".join(_garbage(dice) for _ in range(dice.randrange(3))))
            caller.peer.close()
            await model.peer.rest()
            model.peer.close()


def _garbage(dice: random.Random) -> bytes:
    kind, flags, stream = dice.randrange(12), dice.randrange(256), dice.choice([0, 1, 1, 2, 3, 2**31 - 1])
    payload = dice.randbytes(dice.choice([0, 4, 5, 6, 8, 12, 100]))
    return frames.frame(kind, flags, stream, payload)


# -- calls that are kept back, and overtaken -------------------------------------------------------

HELD = policy("{name: odd, when: score > 0.99, action: block}")


async def overtaken(stage: Stage) -> tuple[H2, H2]:
    """Stream 1 is kept until it is whole; stream 3 was whole before, and the model has it. Then comes 5."""
    caller, model = await conversation(stage)
    await caller.send(caller.headers(1, head(METHOD, (b"n", b"1"))), caller.data(1, message(b"o")[:3]))
    await caller.send(
        caller.headers(3, head(METHOD, (b"n", b"3"))), caller.data(3, message(b"th"), ends=True)
    )
    heard = await model.heard()
    assert (heard.stream, heard.field("n")) == (3, "3")
    assert await model.body(7) == message(b"th")
    await caller.send(caller.data(1, message(b"o")[3:], ends=True))
    heard = await model.heard()
    assert (heard.stream, heard.field("n")) == (5, "1")  # 1 would be lower than a stream that has begun
    assert await model.body(6) == message(b"o")
    await caller.send(caller.headers(5, head(METHOD, (b"n", b"5")), ends=True))
    heard = await model.heard()
    assert (heard.stream, heard.field("n")) == (7, "5")
    return caller, model


async def test_a_call_that_others_overtook_begins_as_a_later_stream_of_the_model():
    async with sidecar(grpc=True, policies=HELD) as stage:
        caller, model = await overtaken(stage)
        for theirs, ours in ((7, 5), (5, 1), (3, 3)):
            await model.send(model.headers(theirs, ANSWER), model.data(theirs, message(b"%d" % ours)))
            await model.send(model.headers(theirs, WELL, ends=True))
            assert (await caller.heard()).stream == ours
            data = await caller.next(frames.DATA)
            assert (data.stream, data.raw[-1:]) == (ours, b"%d" % ours)
            assert (await caller.heard()).ends
        assert {record.status for record in await stage.records(3)} == {200}


async def test_windows_and_resets_find_the_stream_of_a_call_that_others_overtook():
    async with sidecar(grpc=True, policies=HELD) as stage:
        caller, model = await overtaken(stage)
        await caller.send(frames.window_update(1, 11))
        found = await model.next(frames.WINDOW_UPDATE)
        while found.stream == 0:
            found = await model.next(frames.WINDOW_UPDATE)
        assert (found.stream, frames.number(found)) == (5, 11)
        await caller.send(frames.reset(1, frames.CANCEL))
        assert (await model.next(frames.RST_STREAM)).stream == 5
        await model.send(frames.reset(7, frames.REFUSED_STREAM))
        assert (await caller.next(frames.RST_STREAM)).stream == 5


async def test_a_model_that_goes_away_says_so_in_the_callers_numbers():
    async with sidecar(grpc=True, policies=HELD) as stage:
        caller, model = await overtaken(stage)
        await model.send(frames.goaway(5, frames.NO_ERROR))  # its 7, the caller's 5, is lost
        assert frames.number(await caller.next(frames.GOAWAY)) == 3
    async with sidecar(grpc=True, policies=HELD) as stage:
        caller, model = await overtaken(stage)
        await model.send(frames.goaway(3, frames.NO_ERROR))  # so is its 5, the caller's 1
        assert frames.number(await caller.next(frames.GOAWAY)) == 3
        assert (await caller.next(frames.RST_STREAM)).stream == 1
