"""`/api/v1/events`: server-sent events for open pages, one every two seconds: is there anything new?

An event is small and the same for all; a page that learns of something new asks for what it shows. So any
number of viewers costs one look at the state, and one that went to sleep has nothing to catch up on. The
format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html. Counterpart: static/live.js.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from aiohttp import web

from sidecar.console import overview_view
from sidecar.console.problem import Problem
from sidecar.console.views import when
from sidecar.observer.observer import Observer

EVERY_SECONDS = 2.0

MOST_VIEWERS = 32
"""Open streams; each holds a connection. More are refused, and those pages are drawn anew by hand."""


class Events:
    """One per admin application."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._viewers = 0
        self._made = 0.0
        self._event = b""
        self.ended = asyncio.Event()
        """Set when the application ends, which waits for no viewer."""

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Events until the viewer leaves."""
        if self._viewers >= MOST_VIEWERS:
            raise Problem(503, "Too many viewers", f"{MOST_VIEWERS} streams of events are open already")
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        if request.method == "HEAD":
            return web.Response(headers=headers)
        answer = web.StreamResponse(headers=headers)
        self._viewers += 1
        try:
            await answer.prepare(request)
            with contextlib.suppress(ConnectionError):  # the viewer left
                while not self.ended.is_set():
                    await answer.write(self.event())
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.ended.wait(), EVERY_SECONDS)
        finally:
            self._viewers -= 1
        return answer

    def event(self) -> bytes:
        """What is new, as one event; made once for all viewers of a moment."""
        now = self._observer.clock()
        if not self._event or abs(now - self._made) >= EVERY_SECONDS / 2:
            self._made = now
            self._event = b"data: " + msgspec.json.encode(self._news(now)) + b"\n\n"
        return self._event

    def _news(self, now: float) -> dict[str, Any]:
        return {
            "now": when(now),
            "records": self._observer.records,
            "stamp": overview_view.stamp(self._observer),
        }
