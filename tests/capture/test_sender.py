"""Events go to a real receiver: over few connections, again when it is broken, never twice when it is not."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

from aiohttp import web

from sidecar.capture import sender
from sidecar.capture.sink import Sink
from tests.capture.kept import call, orders
from tests.capture.test_sink import LAYOUTS, until


class Receiver:
    """Notes what it's sent, and answers as it is told."""

    def __init__(self):
        self.seen = []
        self.peers = set()
        self.status = 200
        self.hold = False
        self.held = {}
        self.url = ""

    async def take(self, request):
        self.peers.add(request.transport.get_extra_info("peername"))
        if self.hold:
            await asyncio.sleep(30)
        if (release := self.held.get(request.headers["Ce-Id"])) is not None:
            await release.wait()
        body = await request.read()
        if self.status == 200:
            self.seen.append((request.headers["Ce-Id"], request.headers["Ce-Type"].rpartition(".")[2], body))
        return web.Response(status=self.status)

    @property
    def ids(self):
        return Counter(id_ for id_, _, _ in self.seen)


@asynccontextmanager
async def receiver():
    one = Receiver()
    app = web.Application()
    app.router.add_post("/events", one.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        yield one
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sink(place, limit=2**25, **changes):
    one = Sink("events", orders(place, **changes), limit)
    work = asyncio.ensure_future(one.run())
    try:
        yield one
        await one.close()
        await asyncio.wait_for(work, 60)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_every_call_is_two_events_over_few_connections():
    async with receiver() as far, sink(far.url) as one:
        for start in range(0, 200, 20):
            one.offer([call(i) for i in range(start, start + 20)], "", LAYOUTS)
        await until(lambda: one.kept == 200)
        assert set(far.ids.values()) == {2}
        assert len(far.ids) == 200
        assert len(far.peers) <= sender.CONNECTIONS
        assert (one.report.events, one.dropped.total()) == (400, 0)


async def test_a_receiver_that_answers_500_gets_it_later():
    async with receiver() as far, sink(far.url) as one:
        far.status = 500
        one.offer([call(1)], "", LAYOUTS)
        await until(lambda: one.report.error)
        assert one.report.error == "events: answered with 500"
        far.status = 200
        await until(lambda: one.kept == 1)
        assert [kind for _, kind, _ in far.seen] == ["request", "response"]
        assert (one.report.error, one.restarts) == ("", 0)
        assert one.report.errors >= 1


async def test_a_receiver_that_is_away_gets_it_later():
    async with receiver() as other:
        gone = other.url
    async with sink(gone) as one:
        one.offer([call(1)], "", LAYOUTS)
        await until(lambda: one.report.errors)
        assert one.report.error.startswith("events: Cannot connect")
        assert (one.kept, one.waiting) == (0, 1)
        one.offer([], "", LAYOUTS)
    assert one.restarts == 0


async def test_what_is_refused_is_given_up_and_counted():
    async with receiver() as far, sink(far.url) as one:
        far.status = 400
        one.offer([call(1), call(2)], "", LAYOUTS)
        await until(lambda: one.dropped.total())
        assert (dict(one.dropped), one.kept, one.waiting) == ({"queue-full": 0, "refused": 2}, 0, 0)
        far.status = 200
        one.offer([call(3)], "", LAYOUTS)
        await until(lambda: one.kept == 1)


async def test_a_parcel_is_kept_until_it_is_delivered_though_a_later_one_already_was():
    async with receiver() as far, sink(far.url) as one:
        far.held["call-1"] = asyncio.Event()
        one.offer([call(1)], "", LAYOUTS)
        one.offer([call(2)], "", LAYOUTS)
        await until(lambda: one.report.events == 2)
        assert (one.kept, one.waiting) == (0, 2)
        far.held["call-1"].set()
        await until(lambda: one.kept == 2)
        assert far.ids == {"call-1": 2, "call-2": 2}


async def test_a_receiver_that_hangs_costs_records_and_nothing_else():
    async with receiver() as far, sink(far.url, limit=100_000, timeout=0.5) as one:
        far.hold = True
        for i in range(500):
            one.offer([call(i)], "", LAYOUTS)
        assert one.dropped["queue-full"] > 0
        await until(lambda: one.report.error)
        assert "no answer within 0.5 s" in one.report.error
        far.hold = False
        await until(lambda: one.waiting == 0)
        assert one.kept == len(far.ids) == 500 - one.dropped["queue-full"]


async def test_a_sender_that_is_killed_is_started_again_and_nothing_is_missing():
    from tests.capture.test_sink import writers

    async with receiver() as far, sink(far.url) as one:
        far.status = 503
        one.offer([call(1)], "", LAYOUTS)
        await until(lambda: one.report.error)
        writers()[0].kill()
        far.status = 200
        await until(lambda: one.kept == 1)
        assert one.restarts == 1
        assert set(far.ids) == {"call-1"}
