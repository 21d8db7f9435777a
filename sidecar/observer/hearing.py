"""The observer's end of the link: batches of records come in over a Unix socket, orders go back.

Counterpart: `sidecar.proxy.telling`. A connection that sends anything but batches is closed with a
log line, and nothing else happens. Overload is met by not reading: a batch is worked on before the next one
is read, so at most one frame and the socket's buffer wait here; the sender's queue fills, and the sender
drops and counts. Long batches are taken in slices, so that health and metrics answer in between.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from sidecar.exchange import Record
from sidecar.link import Batch, Frames, Order, batch, frame
from sidecar.tasks import Tasks

log = logging.getLogger(__name__)

READ_BYTES = 262_144
"""Bytes read from a connection in one go."""

SLICE = 256
"""Records taken in before others get their turn."""

ORDER_SECONDS = 0.25
"""How often it's looked whether orders have changed."""

UNREAD_BYTES = 1_048_576
"""Bytes of orders that may wait for a worker; one that reads so slowly is hung up on."""


class Hearer(Protocol):
    """What is done with what was heard: `sidecar.observer.observer.Observer`."""

    def connected(self, worker: int) -> None: ...
    def gone(self, worker: int) -> None: ...
    def hear(self, batch: Batch) -> None: ...
    def take_in(self, records: tuple[Record, ...]) -> None: ...
    def orders(self) -> tuple[Order, ...]: ...


class Hearing:
    """Listens for data planes and serves each until it hangs up."""

    def __init__(self, hearer: Hearer, tell: Callable[[tuple[Record, ...]], None] | None = None) -> None:
        self._hearer = hearer
        self._tell = tell
        self._tasks = Tasks()
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, dict[type, Order]] = {}
        """Each connection and the last order of each kind that it was sent."""

    async def open(self, path: Path) -> None:
        """Listen on `path`; a socket that a crashed observer left there is replaced."""
        self._server = await asyncio.start_unix_server(self._serve, sock=_bound(path), limit=READ_BYTES)
        self._tasks.start("orders", self._keep_ordering())

    async def close(self) -> None:
        """Hang up and stop listening."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._tasks.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        workers: set[int] = set()
        self._writers[writer] = {}
        self._order(writer)
        try:
            await self._listen(reader, workers)
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("a data plane sent a malformed frame (%s); its connection is closed", error)
        except OSError as error:
            log.warning("a data plane's connection broke: %s", error)
        except Exception:
            log.exception("a batch could not be taken in; its connection is closed")
        finally:
            del self._writers[writer]
            for worker in workers:
                self._hearer.gone(worker)
            writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader, workers: set[int]) -> None:
        frames = Frames()
        while data := await reader.read(READ_BYTES):
            for body in frames.update(data):
                heard = batch(body)
                if heard.worker not in workers:
                    workers.add(heard.worker)
                    self._hearer.connected(heard.worker)
                await self._take_in(heard)

    async def _take_in(self, heard: Batch) -> None:
        self._hearer.hear(heard)
        for start in range(0, len(heard.records), SLICE):
            records = heard.records[start : start + SLICE]
            self._hearer.take_in(records)
            if self._tell is not None:
                self._tell(records)
            await asyncio.sleep(0)

    async def _keep_ordering(self) -> None:
        while True:
            for writer in list(self._writers):
                self._order(writer)
            await asyncio.sleep(ORDER_SECONDS)

    def _order(self, writer: asyncio.StreamWriter) -> None:
        """Send the orders that this connection hasn't been sent yet."""
        sent = self._writers[writer]
        for order in self._hearer.orders():
            if sent.get(type(order)) != order:
                sent[type(order)] = order
                writer.write(frame(order))
        if writer.transport.get_write_buffer_size() > UNREAD_BYTES:
            log.error("a data plane reads no orders; its connection is closed")
            writer.transport.abort()


def _bound(path: Path) -> socket.socket:
    """A socket at `path` that only this user may connect to. What a crashed observer left there goes."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    path.chmod(0o600)
    bound.setblocking(False)
    return bound
