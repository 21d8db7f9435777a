"""A real model server that answers, refuses, says too much, and hangs."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.replay import sending as module
from sidecar.replay.sending import replayed
from tests.replay.made import body, call


class Model:
    """Answers as the first number of the question tells it to."""

    def __init__(self):
        self.heard = []
        self.at_once = self.most = 0

    async def answer(self, request):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            self.heard.append((request.raw_path, request.headers.copy(), await request.read()))
            await asyncio.sleep(0.01)
            if b"hang" in request.raw_path.encode():
                await asyncio.sleep(60)
            if "long" in request.raw_path:
                return web.Response(body=b"x" * 2000)
            return web.Response(body=body(8.0), content_type="application/json")
        finally:
            self.at_once -= 1


@pytest.fixture
async def served():
    model = Model()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", model.answer)
    async with TestServer(app) as server:
        yield model, str(server.make_url("/"))


async def test_a_call_goes_out_as_it_was_captured(served):
    model, url = served
    target = "/v1/models/a%2Fb:predict?x=1%202"
    found = await replayed([call(7, target=target)], url, 10, 2, 5.0)
    ((path, headers, sent),) = model.heard
    assert (path, sent) == (target, b'{"instances": [[1.5, 2.5]]}')
    assert headers["x-request-id"] == "call-7"
    assert headers["content-type"] == "application/json"
    (pair,) = found.pairs
    assert [column.tolist() for column in (*pair.before.values(), *pair.now.values())] == [[7.0], [8.0]]


async def test_so_many_calls_a_few_at_a_time_and_the_rest_is_counted(served):
    model, url = served
    calls = [call(i, redacted=["email"] if i % 2 else []) for i in range(100)]
    found = await replayed(calls, url, 30, 3, 5.0)
    assert len(found.pairs) == len(model.heard) == 30
    assert found.left_out == {"its bodies were redacted": 29}
    assert 1 < model.most <= 3


async def test_what_hangs_or_goes_on_for_ever_is_given_up(served, monkeypatch):
    _, url = served
    monkeypatch.setattr(module, "ANSWER_BYTES", 1000)
    calls = [call(0, target="/hang"), call(1, target="/long"), call(2)]
    found = await replayed(calls, url, 10, 2, 0.5)
    assert found.failed == {"no answer in time": 1, "an answer that is too long": 1}
    assert len(found.pairs) == 1


async def test_nobody_there_is_counted_and_not_an_end():
    found = await replayed([call(0), call(1)], "http://127.0.0.1:1", 10, 2, 5.0)
    assert found.failed == {"no answer: ClientConnectorError": 2}
