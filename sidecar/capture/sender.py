"""The process that sends events: parcels come in over a socket, each record goes out as two CloudEvents.

    python -m sidecar.capture events FD

Connections are kept and used again. What a receiver cannot take just now (no connection, 408, 425, 429, 5xx)
is tried again, ever later, for about a minute; what it refuses is given up at once. Both are counted. While
it waits, nothing more is read, so that the observer's queue fills, drops and counts. A parcel whose sender
died is sent again: receivers may get an event twice, with the same id and type. Counterpart:
`sidecar.capture.sink`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterable

import aiohttp

from sidecar.capture.events import Event, Origin, events
from sidecar.capture.parcels import Orders, Parcel, Report, parcel, sealed
from sidecar.exchange import Record
from sidecar.link import Frames

log = logging.getLogger(__name__)

CONNECTIONS = 8
AGAIN = frozenset({408, 425, 429, *range(500, 600)})
"""Statuses that may be others next time."""

TRIES = 10
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 20.0
"""Seconds; each pause is twice the last. Ten tries take three quarters of a minute."""

PARCELS_AHEAD = 4
LAST_SECONDS = 10
"""How long delivering may take after the observer has gone."""

READ_BYTES = 262_144
ANSWER_BYTES = 65_536
"""Of an answer that are read, so that its connection can be used again."""


class Sender:
    """One life of it."""

    def __init__(self, orders: Orders, session: aiohttp.ClientSession, writer: asyncio.StreamWriter) -> None:
        self._orders = orders
        self._origin = Origin(f"http://{orders.pod}/", orders.service, orders.namespace)
        self._session = session
        self._writer = writer
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self._ahead = asyncio.Semaphore(PARCELS_AHEAD)
        self._done: set[int] = set()
        """Parcels that are delivered or given up, beyond `_safe`."""
        self._safe = -1
        """Parcels up to this number are; -1 before any has come."""
        self._lost: Counter[str] = Counter()
        self._delivered = self._errors = 0
        self._error = ""
        self._ending = asyncio.Event()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the observer hangs up and all is delivered or given up."""
        self._report()
        frames = Frames()
        async with asyncio.TaskGroup() as group:
            while data := await reader.read(READ_BYTES):
                for one in map(parcel, frames.update(data)):
                    # They are numbered in order, but the first of a sender's life may be any.
                    self._safe = self._safe if self._safe >= 0 else one.number - 1
                    await self._ahead.acquire()
                    group.create_task(self._parcel(one))
            self._ending.set()
            signal.alarm(LAST_SECONDS)  # its default action ends the process, whatever it waits for

    async def _parcel(self, one: Parcel) -> None:
        try:
            for reason in filter(None, await asyncio.gather(*map(self._record, one.records))):
                self._lost[reason] += 1
        finally:
            self._ahead.release()
        self._done.add(one.number)
        while self._safe + 1 in self._done:
            self._safe += 1
            self._done.remove(self._safe)
        self._report()

    async def _record(self, record: Record) -> str:
        """Send both events; why one of them was given up, or nothing."""
        found: Iterable[Event] = events(record, self._origin, time.time())
        for event in found:
            if reason := await self._deliver(event):
                return reason
        return ""

    async def _deliver(self, event: Event) -> str:
        pause = FIRST_PAUSE
        for attempt in range(TRIES):
            if attempt:
                if self._ending.is_set():
                    break
                await self._pause(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, LONGEST_PAUSE)
            async with self._connections:
                status, error = await self._post(event)
            if 200 <= status < 300:
                self._delivered += 1
                self._error = ""
                return ""
            self._failed(f"events: {error or f'answered with {status}'}")
            if status and status not in AGAIN:
                return "refused"
        return "undelivered"

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when the observer is gone: then everything is tried once more, and that's it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    async def _post(self, event: Event) -> tuple[int, str]:
        """The status; or 0, and what was wrong."""
        try:
            async with self._session.post(
                self._orders.place, data=event.body, headers=event.headers, allow_redirects=False
            ) as answer:
                await answer.content.read(ANSWER_BYTES)
                return answer.status, ""
        except TimeoutError:
            return 0, f"no answer within {self._orders.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return 0, str(error) or repr(error)

    def _failed(self, error: str) -> None:
        self._errors += 1
        if not self._error:
            log.error("capture: %s; trying again", error)
        if error != self._error:
            self._error = error
            self._report()

    def _report(self) -> None:
        lost = dict(self._lost)
        report = Report(max(0, self._safe), lost, self._error, errors=self._errors, events=self._delivered)
        self._writer.write(sealed(report))


async def _run(orders: Orders, line: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=line)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=orders.timeout),
        headers={"User-Agent": "sidecar"},
    )
    async with session:
        await Sender(orders, session, writer).run(reader)
    if not writer.transport.is_closing():
        await writer.drain()
    writer.close()


def run(orders: Orders, line: socket.socket) -> None:
    """Send events until the observer hangs up."""
    asyncio.run(_run(orders, line.dup()))
