"""Tells the observer what happened: records in batches over a Unix socket, bounded in bytes.

Counterpart: `sidecar.observer.hearing`. Telling never waits: while the observer is slow or away,
records are kept up to `queue_bytes`, then dropped and counted. Orders of the observer come back on
the same connection.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sidecar.exchange import Alike, Headers, Joined, Outbound, Record
from sidecar.link import MAX_FRAME, Batch, Frames, Order, frame, order
from sidecar.proxy.case import Case
from sidecar.proxy.judged import unscored

if TYPE_CHECKING:
    from sidecar.proxy.plane import Plane

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
"""How long records wait for company. The windows are minutes long, so this is soon enough."""

BATCH_RECORDS = 64
"""A full batch goes at once."""

RECORDS_AT_ONCE = 8
"""Calls whose records are made in one go. Few, because calls in flight wait for it; but not one by one, which
would find none of what it needs in the core's caches."""

BATCH_BYTES = 262_144
"""A batch goes at once when the bodies of its calls, of which features are made, have come to so much."""

ALIVE_SECONDS = 1.0
"""An empty batch is sent this often as a sign of life."""

RETRY_SECONDS = 0.1

LAST_WORDS_SECONDS = 1.0
"""How long the last records may take to leave at the end. The supervisor waits for no more than three."""


class Sealed(NamedTuple):
    """A batch ready to be written, and how many records are in it."""

    data: bytes
    records: int


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
        self.limit_bytes(queue_bytes)
        self._obey = obey
        self._calls: list[Case] = []
        """Ended, and without a record yet."""
        self._records: list[Record] = []
        self._outbound: list[Outbound] = []
        self._weight = 0
        self._queue: deque[Sealed] = deque()
        self._leaving: deque[tuple[int, Sealed]] = deque()
        """Batches handed to the transport, each with the count of bytes written when it will have left."""
        self._written = 0
        self._transport: asyncio.WriteTransport | None = None
        self._frames = Frames()
        self._timer: asyncio.TimerHandle | None = None
        self.plane: Plane = None  # type: ignore[assignment]  # set by the plane it belongs to
        self._slow = False

    def limit_bytes(self, queue_bytes: int) -> None:
        """Keep at most so many bytes of records that wait."""
        self._limit = queue_bytes
        self._full = min(BATCH_BYTES, queue_bytes // 4)

    # -- records ---------------------------------------------------------------------------------

    def tell(self, call: Case) -> None:
        """Take a call that has ended. Its record is made soon, with those of its batch."""
        if not self._in_brief(call):
            self._calls.append(call)
            self._weight += call.request_bytes + call.response_bytes
            if len(self._calls) >= RECORDS_AT_ONCE:
                self._record()
        held = self._weight + self.plane.briefs.bytes
        if len(self._records) + len(self._outbound) >= BATCH_RECORDS or held >= self._full:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(BATCH_SECONDS, self.flush)

    def tell_outbound(self, call: Case, to: str, joined: Joined) -> None:
        """Take a call of the model's own that has ended; it travels with the calls it was made for."""
        (record,) = self.plane.keeping.clean((record_of(call),))
        self._outbound.append(Outbound(record, to, joined))
        if len(self._records) + len(self._outbound) >= BATCH_RECORDS:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        """Seal what has been told into a batch, and send what is queued if somebody listens and keeps up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._record()
        if self._records or self._outbound or self.plane.briefs.calls or not self._queue:
            self._seal()
        self._send()

    def _in_brief(self, call: Case) -> bool:
        try:
            return self.plane.briefs.take(call)
        except Exception:
            log.exception("a call cannot be told in brief")
            return False

    def _record(self) -> None:
        """Make the records of the calls that have ended."""
        calls, self._calls = self._calls, []
        try:
            self._records += self._cleaned(calls)
        except Exception:
            log.exception("records cannot be made")
            self.dropped += len(calls)

    def _seal(self) -> None:
        records, self._records, self._weight = tuple(self._records), [], 0
        outbound, self._outbound = tuple(self._outbound), []
        told = len(records) + len(outbound) + self.plane.briefs.calls
        try:
            batch = Sealed(frame(self._batch(records, outbound, self._alike())), told)
        except Exception:
            log.exception("a batch cannot be told")
            self.dropped += told
            return
        size = len(batch.data)
        if self.queued_bytes + size > self._limit or size > MAX_FRAME:
            self._count_dropped(batch)
        else:
            self.queued_bytes += size
            self._queue.append(batch)

    def _cleaned(self, calls: list[Case]) -> tuple[Record, ...]:
        """The records of calls, without what must not be kept."""
        keeping = self.plane.keeping
        if any(call.scope is not None and call.scope.redact for call in calls):
            return tuple([keeping.of(call).clean((record_of(call),))[0] for call in calls])
        return keeping.clean(tuple(map(record_of, calls)))

    def _alike(self) -> tuple[Alike, ...]:
        """What is told in brief, without what must not be kept."""
        groups = self.plane.briefs.seal()
        records = self._cleaned([group.first for group in groups]) if groups else ()
        block = self.plane.keeping.block
        return tuple(
            [
                Alike(
                    msgspec.structs.replace(record, request_body=b"", response_body=b""),
                    b"".join(group.numbers),
                    block(b"".join(group.features), group.rows),
                    group.rows,
                    group.clients,
                    group.sampled,
                )
                for record, group in zip(records, groups, strict=True)
            ]
        )

    def _send(self) -> None:
        while self._queue and self._transport is not None and not self._slow:
            batch = self._queue.popleft()
            size = len(batch.data)
            self.queued_bytes -= size
            self._written += size
            self._leaving.append((self._written, batch))
            self._transport.write(batch.data)
            self._forget_those_gone()

    def _forget_those_gone(self) -> None:
        assert self._transport is not None
        gone = self._written - self._transport.get_write_buffer_size()
        while self._leaving and self._leaving[0][0] <= gone:
            self._leaving.popleft()

    def _count_dropped(self, batch: Sealed) -> None:
        self.dropped += batch.records
        self.dropped_bytes += len(batch.data)

    def _batch(
        self, records: tuple[Record, ...], outbound: tuple[Outbound, ...], alike: tuple[Alike, ...]
    ) -> Batch:
        plane = self.plane
        return Batch(
            worker=self.worker,
            pid=os.getpid(),
            counters=plane.counters(),
            upstream=plane.pool.state,
            draining=plane.draining,
            baseline=self.baseline,
            refused=self.refused,
            records=records,
            outbound=outbound,
            policies=plane.policing.digest,
            policies_refused=plane.policing.refused,
            shadowed=plane.shadowing.news(),
            signs=plane.signs(),
            alike=alike,
        )

    # -- the connection --------------------------------------------------------------------------

    async def keep_connected(self) -> None:
        """Connect, send a sign of life every second, connect again when it breaks; until cancelled."""
        while True:
            if self._transport is None:
                with suppress(OSError):
                    await self._loop.create_unix_connection(lambda: self, self._path)
            if self._transport is not None:
                self.flush()
            await asyncio.sleep(ALIVE_SECONDS if self._transport is not None else RETRY_SECONDS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._frames = Frames()
        self._slow = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_those_gone()
        while self._leaving:
            self._count_dropped(self._leaving.popleft()[1])
        self._transport = None
        self._slow = False

    def pause_writing(self) -> None:
        self._slow = True

    def resume_writing(self) -> None:
        self._slow = False
        self._send()

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.update(data):
                self._obey(order(body))
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("the observer sent something that is no order: %s", error)
            if self._transport is not None:
                self._transport.abort()

    async def close(self) -> None:
        """Send what there is, as long as the observer takes it, and hang up."""
        self.flush()
        ends = self._loop.time() + LAST_WORDS_SECONDS
        while (transport := self._transport) is not None:
            if self._loop.time() > ends:
                log.warning("the observer does not take the last records")
                transport.abort()
                return
            if not self._queue and not transport.get_write_buffer_size():
                transport.close()
                return
            await asyncio.sleep(0.01)


def record_of(call: Case) -> Record:
    """The record of a call that has ended."""
    judged = call.judgement or unscored(call.failure or "response-first")
    score, head, response = judged.score, call.head, call.response
    decision = call.decision or call.plane.decision
    codec = call.codec
    question, answer = call.plane.told_bodies.of(call)
    keeping = call.plane.keeping.of(call)
    weight = 0.0
    if keeping.capturing:
        rate = call.scope.capture_rate if call.scope is not None else None
        weight = keeping.weight(
            call.span.trace, score.verdict, call.status, call.failure, decision.action, decision.keep, rate
        )
    events = call.streamed
    answered: Headers = ()
    if response is not None:
        answered = response.recorded
        if (version := call.said_version()) is not None:
            answered += ((call.plane.version_header, version),)
    return Record(  # by position, in the order of its fields: naming 40 fields costs as much as the rest
        call.request_id,
        call.span,
        call.started_ns,
        call.forwarded_ns,
        call.first_byte_ns,
        call.ended_ns,
        judged.took_ns,
        head.method,
        head.target,
        head.host,
        call.peer,
        call.status,
        call.failure,
        call.request_bytes,
        call.response_bytes,
        head.recorded,
        answered,
        codec.name if codec is not None else "",
        judged.model,
        judged.version,
        judged.rows,
        keeping.seen(judged.features, judged.rows) if keeping.blinded else judged.features,
        score.verdict,
        score.reason,
        score.p,
        score.row_p,
        score.flagged,
        score.detectors,
        decision.action,
        decision.rule,
        question,
        answer,
        judged.baseline,
        weight,
        keeping.captured(call) if weight else None,
        decision.hits,
        score.evidence,
        events.first_ns if events is not None else 0,
        events.events if events is not None else 0,
        judged.brought,
    )
