"""Peers are asked again and again, from where they left off, whatever they answer."""

import asyncio
import logging

import msgspec
import pytest
from aiohttp import web

from examples.processes import free_port
from sidecar.cascade.pairs import Lineage, Made
from sidecar.peers import listening
from sidecar.peers.listening import keep_listening

TOLD = Lineage("speech", 5, (Made(2**64 - 1, "a" * 32, "b" * 16),), 1.5, "speech")


@pytest.fixture
async def peer():
    """A peer's address, what it was asked, and what it will answer."""
    asked, answers = [], []

    async def lineage(request):
        asked.append(request.query["after"])
        return web.Response(body=answers.pop(0) if answers else msgspec.json.encode(TOLD))

    app = web.Application()
    app.router.add_get("/api/v1/lineage", lineage)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}", asked, answers
    await runner.cleanup()


async def heard(peers, count):
    """The first `count` things that are heard."""
    found, after = [], {}
    enough = asyncio.Event()

    def hear(name, told):
        found.append((name, told))
        after[name] = told.next
        if len(found) >= count:
            enough.set()

    task = asyncio.ensure_future(keep_listening(peers, lambda name: after.get(name, 0), hear))
    try:
        await asyncio.wait_for(enough.wait(), 20)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return found


async def test_a_peer_is_heard_from_where_it_left_off(peer, monkeypatch):
    monkeypatch.setattr(listening, "SECONDS", 0.01)
    url, asked, _ = peer
    assert await heard({"a": url}, 3) == [("a", TOLD)] * 3
    assert asked[:3] == ["0", "5", "5"]


async def test_nonsense_and_absence_are_said_once_and_survived(peer, monkeypatch, caplog):
    monkeypatch.setattr(listening, "SECONDS", 0.01)
    monkeypatch.setattr(listening, "AWAY_SECONDS", 0.01)
    url, _, answers = peer
    answers += [b"<html>", b"{}", b"x", b'{"x":' + b"[" * 100_000]
    with caplog.at_level(logging.WARNING):
        found = await heard({"a": url, "away": f"http://127.0.0.1:{free_port()}"}, 3)
    assert {name for name, _ in found} == {"a"}
    assert sum("peer a at" in line.getMessage() for line in caplog.records) == 1
    assert sum("peer away at" in line.getMessage() for line in caplog.records) == 1
