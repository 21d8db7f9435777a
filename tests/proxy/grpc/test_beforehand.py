"""Streams that must be scored first: by their first message, however it is cut."""

import pytest

from sidecar.codecs.v2_grpc import STREAM
from sidecar.proxy.grpc import frames
from tests.policy.documents import policy
from tests.proxy.dialogue import sidecar
from tests.proxy.grpc.peers import ANSWER, METHOD, WELL, conversation, head, message

RULES = policy("{name: closed, when: rows > 1, action: block}")


async def test_a_stream_that_must_be_scored_first_begins_with_its_first_message():
    async with sidecar(grpc=True, policies=RULES) as stage:
        caller, model = await conversation(stage)
        await model.next(frames.SETTINGS)
        await caller.send(
            caller.headers(1, head(STREAM.encode())), caller.data(1, message(b"0123456789")[:-1])
        )
        await caller.next(frames.WINDOW_UPDATE)
        await model.peer.quiet()
        await caller.send(caller.data(1, b"9"))
        await model.heard()
        assert await model.body(15) == message(b"0123456789")


@pytest.mark.parametrize("method", [STREAM.encode(), METHOD])
async def test_only_a_method_that_streams_begins_before_its_end(method):
    async with sidecar(grpc=True, policies=RULES) as stage:
        caller, model = await conversation(stage)
        await model.next(frames.SETTINGS)
        await caller.send(caller.headers(1, head(method)), caller.data(1, message(b"hi")))
        if method == METHOD:
            await caller.next(frames.WINDOW_UPDATE)
            await model.peer.quiet()
            await caller.send(caller.data(1, b"", ends=True))
        await model.heard()
        assert await model.body(7) == message(b"hi")
        await model.send(model.headers(1, ANSWER), model.headers(1, WELL, ends=True))
        assert (await caller.heard()).stream == 1
