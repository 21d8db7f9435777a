"""A real model is asked its old questions again, over TCP and over a Unix socket, until it changes."""

import json

import pytest
from aiohttp import web

from examples.processes import free_port
from sidecar.console.replaying import _origin, _session, one_round
from sidecar.observer.canary import Canary
from sidecar.settings import Settings
from tests.observer.talk import record

QUESTION = json.dumps({"instances": [[1.0, 2.0]]}).encode()


class Model:
    """Answers what it is told to, and notes how it was asked."""

    def __init__(self):
        self.answer, self.status, self.asked = 1.5, 200, []

    async def predict(self, request):
        self.asked.append((request.path, dict(request.headers), await request.read()))
        return web.json_response({"predictions": [self.answer]}, status=self.status)


@pytest.fixture(params=["tcp", "unix"])
async def model(request, tmp_path):
    """The model, and the settings of a sidecar before it."""
    found = Model()
    app = web.Application()
    app.router.add_post("/v1/models/glass:predict", found.predict)
    runner = web.AppRunner(app)
    await runner.setup()
    if request.param == "tcp":
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        upstream = f"http://127.0.0.1:{port}"
    else:
        await web.UnixSite(runner, str(tmp_path / "model.sock")).start()
        upstream = f"unix:{tmp_path}/model.sock"
    yield found, Settings(upstream=upstream, canary_seconds=1.0)
    await runner.cleanup()


async def test_a_model_is_seen_to_change_and_to_be_away(model):
    server, settings = model
    canary = Canary(True)
    canary.update([record(0, request_body=QUESTION)])
    async with _session(settings) as session:
        await one_round(session, _origin(settings), canary, 10.0)
        assert (canary.replayed.same, canary.replayed.steady) == (1, True)
        server.status = 503
        await one_round(session, _origin(settings), canary, 20.0)
        assert canary.replayed.same_until == 10.0, "no answer says nothing"
        server.answer, server.status = 2.5, 200
        await one_round(session, _origin(settings), canary, 30.0)
        assert (canary.replayed.different, canary.replayed.different_since) == (1, 30.0)
    path, headers, body = server.asked[0]
    assert (path, body) == ("/v1/models/glass:predict", QUESTION)
    assert headers["User-Agent"] == "sidecar-canary"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Content-Type"] == "application/json"


async def test_nobody_there_says_nothing(tmp_path):
    canary = Canary(True)
    canary.update([record(0, request_body=QUESTION)])
    settings = Settings(upstream=f"http://127.0.0.1:{free_port()}", canary_seconds=1.0)
    async with _session(settings) as session:
        await one_round(session, _origin(settings), canary, 10.0)
    assert canary.replayed is None
