"""The observer's end of the link: batches of records come in over a Unix socket, orders go back.

Counterpart: `sidecar.proxy.telling`. A connection that sends anything but batches is closed with a
log line, and nothing else happens.

    read -> gather, for a tenth of a second or until it is enough -> take in -> read

Records are gathered because a thousand worked on together cost a fraction of what they cost in small batches:
most of the work is NumPy's, whose calls cost more than their rows. Overload is met by not reading: what was
gathered is worked on before more is read, so at most `GATHER_BYTES`, a frame and the socket's buffer wait
here; the sender's queue fills, and the sender drops and counts. Long batches are taken in slices, so that
health and metrics answer in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from sidecar.exchange import Alike, Outbound, Record
from sidecar.link import Batch, Frames, Order, batch, bound, frame
from sidecar.tasks import Tasks, step_aside

log = logging.getLogger(__name__)

READ_BYTES = 262_144
"""Bytes read from a connection in one go."""

SLICE = 512
"""Records taken in before others get their turn, and gathered at most. More of them would not fit into a
core's cache any more, and cost more each."""

GATHER_SECONDS = 0.1
"""How long records wait for company. The windows are minutes long, so this is soon enough."""

GATHER_BYTES = 2 * 1024 * 1024
"""Bytes of frames gathered at most, before the one that goes beyond."""

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
    def take_in_alike(self, alike: tuple[Alike, ...]) -> None: ...
    def take_outbound(self, outbound: tuple[Outbound, ...]) -> None: ...
    def orders(self) -> tuple[Order, ...]: ...


class Hearing:
    """Listens for data planes and serves each until it hangs up."""

    def __init__(
        self,
        hearer: Hearer,
        tell: Callable[[tuple[Record, ...]], None] | None = None,
        tell_outbound: Callable[[tuple[Outbound, ...]], None] | None = None,
        tell_alike: Callable[[tuple[Alike, ...]], None] | None = None,
    ) -> None:
        self._hearer = hearer
        self._tell = tell
        self._tell_outbound = tell_outbound
        self._tell_alike = tell_alike
        self._tasks = Tasks()
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, dict[type, Order]] = {}
        """Each connection and the last order of each kind that it was sent."""

    async def open(self, path: Path) -> None:
        """Listen on `path`; a socket that a crashed observer left there is replaced."""
        self._server = await asyncio.start_unix_server(self._serve, sock=bound(path), limit=READ_BYTES)
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
        frames, gathered = Frames(), Gathered()
        try:
            while (data := await _read(reader, gathered.due)) != b"":
                for body in frames.update(data or b""):
                    heard = batch(body)
                    step_aside()
                    if gathered.baseline != heard.baseline:
                        # Hearing of another baseline ends windows, and these records still belong to them.
                        await self._take_in(gathered)
                    self._hear(heard, workers)
                    gathered.update(heard, len(body))
                    if gathered.enough:
                        await self._take_in(gathered)
                if data is None:
                    await self._take_in(gathered)
        finally:
            # Whatever became of the connection, this was heard.
            for records in gathered.slices():
                self._work(records)
            self._work_alike(gathered.alike())

    def _hear(self, heard: Batch, workers: set[int]) -> None:
        if heard.worker not in workers:
            workers.add(heard.worker)
            self._hearer.connected(heard.worker)
        self._hearer.hear(heard)
        if heard.outbound:
            self._hearer.take_outbound(heard.outbound)
            if self._tell_outbound is not None:
                self._tell_outbound(heard.outbound)

    async def _take_in(self, gathered: Gathered) -> None:
        for records in gathered.slices():
            self._work(records)
            step_aside()
            await asyncio.sleep(0)
        self._work_alike(gathered.alike())

    def _work(self, records: tuple[Record, ...]) -> None:
        self._hearer.take_in(records)
        if self._tell is not None:
            self._tell(records)

    def _work_alike(self, alike: tuple[Alike, ...]) -> None:
        if alike:
            self._hearer.take_in_alike(alike)
            if self._tell_alike is not None:
                self._tell_alike(alike)

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


class Gathered:
    """Records of one connection that wait to be taken in."""

    def __init__(self) -> None:
        self.due: float | None = None
        """When they have waited long enough, by the loop's clock; None while there are none."""
        self.baseline = ""
        """The last one that the data plane told of."""
        self._records: list[Record] = []
        self._alike: list[Alike] = []
        self._bytes = 0

    @property
    def enough(self) -> bool:
        """Whether no more should be read before these are taken in."""
        return (
            len(self._records) >= SLICE
            or self._bytes >= GATHER_BYTES
            or (self.due is not None and asyncio.get_running_loop().time() >= self.due)
        )

    def update(self, heard: Batch, size: int) -> None:
        """Add the records of a batch that had `size` bytes."""
        self.baseline = heard.baseline
        if heard.records or heard.alike:
            self._records += heard.records
            self._alike += heard.alike
            self._bytes += size
            if self.due is None:
                self.due = asyncio.get_running_loop().time() + GATHER_SECONDS

    def slices(self) -> Iterator[tuple[Record, ...]]:
        """Let go of all records, `SLICE` at a time and each only once."""
        self._bytes, self.due = 0, None
        while self._records:
            records = tuple(self._records[:SLICE])
            del self._records[:SLICE]
            yield records

    def alike(self) -> tuple[Alike, ...]:
        """Let go of all that are told in brief."""
        alike, self._alike = tuple(self._alike), []
        return alike


async def _read(reader: asyncio.StreamReader, due: float | None) -> bytes | None:
    """What comes next; nothing at the end, and None when it is `due` before anything comes."""
    try:
        async with asyncio.timeout_at(due):
            return await reader.read(READ_BYTES)
    except TimeoutError:
        return None
