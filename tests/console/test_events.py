import asyncio
import json

from sidecar.console import events
from sidecar.console.events import MOST_VIEWERS, Events
from sidecar.console.keys import EVENTS
from sidecar.observer.observer import Observer
from tests.console.admin import asked
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings


async def test_events_tell_what_is_new_and_the_stream_ends_with_the_application(monkeypatch):
    monkeypatch.setattr(events, "EVERY_SECONDS", 0.01)
    observer = Observer(settings(), Clock())
    async with asked(observer) as client:
        answer = await client.get("/api/v1/events")
        assert answer.content_type == "text/event-stream"
        first = json.loads((await answer.content.readline()).removeprefix(b"data: "))
        assert first["records"] == 0
        assert await answer.content.readline() == b"\n"
        observer.take_in([record(1)])
        observer.clock.now += 1.0
        while first["records"] == 0:
            line = await asyncio.wait_for(answer.content.readline(), 10)
            first = json.loads(line.removeprefix(b"data: ") or b"{}") if line.strip() else first
        assert first["stamp"]
        client.app[EVENTS].ended.set()
        await asyncio.wait_for(answer.content.read(), 10)


def test_an_event_is_made_once_for_all_viewers_of_a_moment():
    observer = Observer(settings(), Clock())
    told = Events(observer)
    first = told.event()
    observer.take_in([record(1)])
    assert told.event() is first
    observer.clock.now += 2.0
    assert told.event() != first


async def test_more_viewers_than_there_are_streams_are_refused():
    async with asked(Observer(settings(), Clock())) as client:
        open_ = [await client.get("/api/v1/events") for _ in range(MOST_VIEWERS)]
        assert (await client.get("/api/v1/events")).status == 503
        for one in open_:
            one.close()
