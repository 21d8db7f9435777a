"""The observer's end of a capture: a queue bounded in bytes, and a writer that is started again when it dies.

Nothing here waits for a disk or a network. A parcel stays in the queue until the writer says that it's safe,
and goes to the next writer if this one dies; what does not fit is dropped and counted, the newest first,
because the oldest may be on its way. Counterparts: `sidecar.capture.writer` and `sidecar.capture.sender`.

    offered = kept + dropped + waiting
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from sidecar.capture.parcels import Layout, Orders, Parcel, Report, report, sealed, weighed
from sidecar.exchange import Record
from sidecar.link import Frames

log = logging.getLogger(__name__)

QUEUE_FULL = "queue-full"

PARCEL_RECORDS = 256
PARCEL_BYTES = 1024 * 1024
"""A parcel ends before the first that goes beyond."""

FIRST_RESTART = 0.1

SLOWEST_RESTART = 10.0
"""Seconds between two starts of a writer that keeps dying."""

STEADY = 60.0
"""Seconds after which a writer's next death counts as its first."""

DEADLY = 3
"""Writers that die over the same parcel before it is given up."""

CLOSE_SECONDS = 1.5
"""How long the last parcels may take at the end: the supervisor waits for three seconds in all."""


class Waiting(NamedTuple):
    """A parcel that isn't safe yet."""

    number: int
    records: int
    data: bytes


class Sink:
    """One sink of captured records: `files` or `events`. Used on one event loop only."""

    def __init__(self, role: Literal["files", "events"], orders: Orders, limit_bytes: int) -> None:
        self.role = role
        self.place = orders.place
        self.offered = self.kept = 0
        self.weight = 0.0
        """Calls that the offered records stand for."""
        self.dropped: Counter[str] = Counter({QUEUE_FULL: 0})
        self.restarts = -1
        self.report = Report()
        self.past = Report()
        """What earlier writers had come to."""
        self.waiting_bytes = 0
        self._orders = orders
        self._limit = limit_bytes
        self._number = 0
        self._queue: deque[Waiting] = deque()
        self._sent: deque[Waiting] = deque()
        """With the writer, but not yet safe."""
        self._deadly = self._deaths = 0
        """The parcel that was first with the last writer that died, and how many died over it."""
        self._line: Line | None = None
        self._listening = self._ending = False
        self._ended = asyncio.Event()

    # -- records -----------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Records that are neither safe nor dropped."""
        return self.offered - self.kept - self.dropped.total()

    def offer(self, records: Iterable[Record], drift: str, layouts: dict[str, Layout]) -> None:
        """Take those that are captured. Never waits."""
        chosen = [record for record in records if record.captured is not None]
        if not chosen:
            return
        self.offered += len(chosen)
        self.weight += sum(record.weight for record in chosen)
        for part in _parts(chosen):
            self._enqueue(part, drift, layouts)
        self._send()

    def _enqueue(self, records: tuple[Record, ...], drift: str, layouts: dict[str, Layout]) -> None:
        used = {record.baseline for record in records}
        named = {digest: layout for digest, layout in layouts.items() if digest in used}
        try:
            data = sealed(Parcel(self._number + 1, drift, named, records))
        except (msgspec.MsgspecError, UnicodeEncodeError, struct.error):
            log.exception("capture: records that cannot be told")
            self.dropped["unwritable"] += len(records)
            return
        if self.waiting_bytes + len(data) > self._limit:
            self.dropped[QUEUE_FULL] += len(records)
            return
        self._number += 1
        self.waiting_bytes += len(data)
        self._queue.append(Waiting(self._number, len(records), data))

    def _reported(self, told: Report) -> None:
        before, self.report = self.report, told
        acknowledged = 0
        for queue in (self._sent, self._queue):
            while queue and queue[0].number <= told.safe:
                one = queue.popleft()
                self.waiting_bytes -= len(one.data)
                acknowledged += one.records
        lost = {reason: count - before.lost.get(reason, 0) for reason, count in told.lost.items()}
        self.dropped.update(lost)
        self.kept += acknowledged - sum(lost.values())

    # -- the writer --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a writer at work, until it's cancelled or `close` has been called."""
        loop = asyncio.get_running_loop()
        pause = FIRST_RESTART
        while True:
            began = loop.time()
            self.restarts += 1
            try:
                await self._one_writer()
            except OSError as error:
                log.error("capture: the writer of %s could not be started: %s", self.role, error)
            if self._ending:
                self._ended.set()
                return
            self._died()
            pause = FIRST_RESTART if loop.time() - began > STEADY else min(2 * pause, SLOWEST_RESTART)
            log.error("capture: the writer of %s ended; starting it again in %g s", self.role, pause)
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Hand over what waits, as long as it's taken; the writer finishes on its own."""
        self._ending = True
        self._send()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._ended.wait()
        if self.waiting:
            log.warning("capture: %d records may be lost, the writer of %s is slow", self.waiting, self.role)

    async def _one_writer(self) -> None:
        """From its start to its end."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = _started(self.role, theirs)
        line = Line(self._heard, self._send)
        await asyncio.get_running_loop().create_unix_connection(lambda: line, sock=ours)
        orders = msgspec.msgpack.encode(self._orders)
        line.transport.write(struct.pack(">I", len(orders)) + orders)
        self._line = line
        try:
            await line.lost.wait()
        finally:
            self._line, self._listening = None, False
            line.transport.abort()
        if not self._ending:
            process.kill()
        await asyncio.to_thread(process.wait)

    def _heard(self, told: Report) -> None:
        """The first report says what an earlier writer had made safe: that need not be sent again."""
        self._reported(told)
        self._listening = True
        self._send()

    def _send(self) -> None:
        line = self._line
        if line is None or not self._listening:
            return
        while self._queue and not line.slow:
            one = self._queue.popleft()
            self._sent.append(one)
            line.transport.write(one.data)
        if self._ending and not self._queue:
            line.transport.write_eof()

    def _died(self) -> None:
        """What the last writer had counted stays counted; a parcel that kills one after the other goes."""
        told, past = self.report, self.past
        self.past = Report(
            files=past.files + told.files,
            file_bytes=past.file_bytes + told.file_bytes,
            errors=past.errors + told.errors,
            deleted=past.deleted + told.deleted,
            events=past.events + told.events,
        )
        self.report = Report(error=told.error or "the writer ended")
        if self._sent:
            first = self._sent[0]
            self._deaths = self._deaths + 1 if first.number == self._deadly else 1
            self._deadly = first.number
            if self._deaths >= DEADLY:
                self._sent.popleft()
                self.waiting_bytes -= len(first.data)
                self.dropped["unwritable"] += first.records
        self._queue.extendleft(reversed(self._sent))
        self._sent.clear()


class Line(asyncio.Protocol):
    """Our end of the connection to one writer."""

    def __init__(self, heard: Callable[[Report], None], ready: Callable[[], None]) -> None:
        self.transport: asyncio.WriteTransport
        self.slow = False
        self.lost = asyncio.Event()
        self._frames = Frames()
        self._heard = heard
        self._ready = ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.update(data):
                self._heard(report(body))
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("capture: a writer sent something that is no report: %s", error)
            self.transport.abort()

    def pause_writing(self) -> None:
        self.slow = True

    def resume_writing(self) -> None:
        self.slow = False
        self._ready()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


def _started(role: str, line: socket.socket) -> subprocess.Popen[bytes]:
    """A writer at the other end of `line`. Not a child of asyncio's, which would kill it when we end: it has
    a file to finish."""
    return subprocess.Popen(
        [sys.executable, "-m", "sidecar.capture", role, str(line.fileno())],
        stdin=subprocess.DEVNULL,
        pass_fds=(line.fileno(),),
    )


def _parts(records: list[Record]) -> Iterator[tuple[Record, ...]]:
    part: list[Record] = []
    size = 0
    for record in records:
        weight = weighed(record)
        if part and (len(part) == PARCEL_RECORDS or size + weight > PARCEL_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(record)
        size += weight
    yield tuple(part)
