"""Tells the observer what happened: records in batches over a Unix socket, bounded in bytes.

Counterpart: `sidecar.observer.hearing`. Telling never waits: while the observer is slow or away,
records are kept up to `queue_bytes`, then dropped and counted. Orders of the observer come back on
the same connection.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from sidecar.exchange import Record
from sidecar.link import Batch, Frames, Order, frame, order
from sidecar.proxy.judging import unscored

if TYPE_CHECKING:
    from sidecar.proxy.call import Call
    from sidecar.proxy.plane import Plane

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
"""How long records wait for company. The windows are minutes long, so this is soon enough."""

BATCH_RECORDS = 256
"""A full batch goes at once."""

ALIVE_SECONDS = 1.0
"""An empty batch is sent this often as a sign of life."""

RETRY_SECONDS = 0.1
RECORD_BYTES = 600
"""About what a record without bodies and features takes in memory."""


class Teller(asyncio.Protocol):
    """One worker's end of the link. Connects again whenever the observer comes back."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, path: str, queue_bytes: int, obey: Callable[[Order], None]
    ) -> None:
        self.dropped = self.dropped_bytes = self.queued_bytes = 0
        self.worker = 0
        self.baseline = self.refused = ""
        self._loop = loop
        self._path = path
        self._limit = queue_bytes
        self._obey = obey
        self._records: list[Record] = []
        self._transport: asyncio.WriteTransport | None = None
        self._frames = Frames()
        self._timer: asyncio.TimerHandle | None = None
        self._plane: Plane | None = None
        self._slow = False

    # -- records ---------------------------------------------------------------------------------

    def tell(self, record: Record, plane: Plane) -> None:
        """Queue one record; drop it when the queue is full."""
        self._plane = plane
        size = RECORD_BYTES + len(record.features) + len(record.request_body) + len(record.response_body)
        if self.queued_bytes + self._unsent() + size > self._limit:
            self.dropped += 1
            self.dropped_bytes += size
            return
        self._records.append(record)
        self.queued_bytes += size
        if len(self._records) >= BATCH_RECORDS and not self._slow:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(BATCH_SECONDS, self.flush)

    def _unsent(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def flush(self) -> None:
        """Send what is queued, if somebody listens and keeps up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is None or self._slow or self._plane is None:
            return
        records, self._records = self._records, []
        self.queued_bytes = 0
        plane = self._plane
        self._transport.write(
            frame(
                Batch(
                    worker=self.worker,
                    pid=os.getpid(),
                    counters=plane.counters(),
                    upstream=plane.pool.state,
                    draining=plane.draining,
                    baseline=self.baseline,
                    refused=self.refused,
                    records=tuple(records),
                )
            )
        )

    # -- the connection --------------------------------------------------------------------------

    async def keep_connected(self, plane: Plane) -> None:
        """Connect, send a sign of life every second, connect again when it breaks; until cancelled."""
        self._plane = plane
        while True:
            if self._transport is None:
                try:
                    await self._loop.create_unix_connection(lambda: self, self._path)
                except OSError:
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
            self.flush()
            await asyncio.sleep(ALIVE_SECONDS if self._transport is not None else RETRY_SECONDS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._frames = Frames()
        self._slow = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._slow = False

    def pause_writing(self) -> None:
        self._slow = True

    def resume_writing(self) -> None:
        self._slow = False
        self.flush()

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.update(data):
                self._obey(order(body))
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("the observer sent something that is no order: %s", error)
            if self._transport is not None:
                self._transport.abort()

    def close(self) -> None:
        self.flush()
        if self._transport is not None:
            self._transport.close()


def record_of(call: Call) -> Record:
    """The record of a call that has ended."""
    judged = call.judgement or unscored(call.failure or "response-first")
    score, head, response = judged.score, call.head, call.response
    decision = call.plane.decision
    known = call.codec is not None
    learning = score.verdict == "learning" and call.kept.size <= call.plane.settings.kept_body_bytes
    return Record(
        id=call.request_id,
        span=call.span,
        started_ns=call.started_ns,
        forwarded_ns=call.forwarded_ns,
        first_byte_ns=call.first_byte_ns,
        ended_ns=call.ended_ns,
        scored_ns=judged.took_ns,
        method=head.method,
        target=head.target,
        host=head.host,
        client=call.client.peer,
        status=call.status,
        failure=call.failure,
        request_bytes=call.request_bytes,
        response_bytes=call.response_bytes,
        request_headers=head.recorded,
        response_headers=response.recorded if response is not None else (),
        codec=call.codec.name if call.codec is not None else "",
        model=judged.model,
        version=judged.version,
        rows=judged.rows,
        features=judged.features,
        verdict=score.verdict,
        reason=score.reason,
        p=score.p,
        row_p=score.row_p,
        flagged=score.flagged,
        detectors=score.detectors,
        action=decision.action,
        rule=decision.rule,
        request_body=call.kept.body() if learning else b"",
        response_body=call.kept_response.body() if known else b"",
        baseline=judged.baseline,
    )
