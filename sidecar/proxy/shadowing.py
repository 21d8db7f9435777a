"""Asks another model what the model was asked, and compares: the action `shadow`.

    a call has ended -> asked of the other model -> its answer beside the caller's -> counted, and told

The caller has its answer before any of this begins. What waits is bounded in calls and in bytes; beyond,
calls are dropped and counted. Whoever asks marks the question with `x-sidecar-shadow`, and a call so
marked is asked of nobody else, so that two sidecars that shadow each other come to an end. Counterparts:
`sidecar.policy.rulebook` says which calls, `sidecar.proxy.questions` carries them.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sidecar.codecs import Codec
from sidecar.errors import CallFailed, Undecodable
from sidecar.exchange import Mirror, Reply, Request, Shadowed, header
from sidecar.features import Column, columns
from sidecar.features.contrast import are_numbers, differs
from sidecar.link import Shadow
from sidecar.proxy.case import Case
from sidecar.proxy.heads import SPOKEN, RequestHead, ResponseHead
from sidecar.proxy.keeping import Keeping, is_drawn
from sidecar.proxy.pieces import chunk, joined, last_chunk
from sidecar.proxy.questions import Questions
from sidecar.proxy.resting import Resting
from sidecar.tasks import Tasks

if TYPE_CHECKING:
    from sidecar.proxy.plane import Plane

MARK = b"x-sidecar-shadow"
"""Field of a question that was asked of another model already, with the policy and rule that wanted it."""

OUTCOMES = {
    "same": "The same bytes, the same values, or the same error status.",
    "numbers": "Numbers differ, by more than `tolerance` of their size.",
    "values": "Something else than numbers differs, such as a label.",
    "shape": "Other columns, or another number of rows.",
    "status": "Another status.",
    "unread": "Other bytes, which no codec can read.",
    "failed": "The other model did not answer, or not in `upstream-timeout`.",
    "too-large": "The request or the answer was larger than `shadow-body-bytes`.",
    "away": "Not asked: the other model has not answered for a while, and is tried again now and then.",
    "dropped": "Not asked: `shadow-calls` or `shadow-bytes` was reached, or the sidecar ended.",
}
"""What can come of a call that was to be asked of another model."""

TOLD = 50
"""Answers that differ that are told of in a batch; the latest."""

LOOP_BYTES = 65_536
"""Answers up to this many bytes are compared on the event loop, larger ones in a thread."""

MORE_BYTES = 65_536
"""By how many bytes another model's answer may be longer than the model's. What it may need is set aside."""


class Asked(NamedTuple):
    """A call to be asked of another model, and what its own one answered: all that is needed of it, because
    the call itself is over."""

    mirror: Mirror
    id: str
    trace: str
    started_ns: int
    head: RequestHead
    body: bytes
    answer: Reply
    codec: Codec | None
    rows: int
    seconds: float
    """That the model took."""
    keeping: Keeping
    """What of it may be told."""

    @property
    def size(self) -> int:
        """Bytes set aside for it."""
        return len(self.body) + 2 * len(self.answer.body) + MORE_BYTES


class Contrast(NamedTuple):
    """How two answers differ: see `sidecar.exchange.Shadowed`."""

    outcome: str
    rows: int = 0
    differing: int = 0
    column: str = ""
    largest: float = math.nan


NOTHING = Contrast("")


class Shadowing:
    """Other models of one worker, and what their answers came to."""

    def __init__(self, plane: Plane) -> None:
        self.questions = Questions(plane.loop)
        self.resting = Resting()
        self.in_flight = self.held_bytes = 0
        self._plane = plane
        self._tasks = Tasks()
        self._totals: dict[str, Shadow] = {}
        self._news: deque[Shadowed] = deque(maxlen=TOLD)

    def update(self, call: Case) -> None:
        """Ask other models what a call that has ended was about, where they are to be asked."""
        decision, response, head = call.decision, call.response, call.head
        if call.failure or response is None or decision is None or decision.answer is not None:
            return
        if head.version not in SPOKEN or head.upgrade or header(head.fields, MARK) is not None:
            return
        for mirror in decision.mirrors:
            if is_drawn(call.span.trace, mirror.share):
                self._take(call, mirror, response)

    def _take(self, call: Case, mirror: Mirror, response: ResponseHead) -> None:
        settings = self._plane.settings
        if max(call.request_bytes, call.response_bytes) > settings.shadow_body_bytes:
            self._count(mirror.rule, "too-large")
            return
        if self.resting.rests(mirror.to, monotonic()):
            self._count(mirror.rule, "away")
            return
        asked = Asked(
            mirror,
            call.request_id,
            call.span.trace,
            call.started_ns,
            call.head,
            joined(call.kept),
            Reply(call.status, response.fields, joined(call.kept_response)),
            call.codec,
            call.judgement.rows if call.judgement is not None else 0,
            (call.ended_ns - call.forwarded_ns) / 1e9,
            self._plane.keeping.of(call),
        )
        if len(asked.body) != call.request_bytes or len(asked.answer.body) != call.response_bytes:
            self._count(mirror.rule, "too-large")  # it began under other settings
            return
        if self.in_flight >= settings.shadow_calls or self.held_bytes + asked.size > settings.shadow_bytes:
            self._count(mirror.rule, "dropped")
            return
        self.in_flight += 1
        self.held_bytes += asked.size
        self._tasks.start("shadow", self._ask(asked))

    async def _ask(self, asked: Asked) -> None:
        began = perf_counter()
        most = len(asked.answer.body) + MORE_BYTES
        try:
            other = await self.questions.ask(
                asked.mirror.to, asked.head, question(asked), most=most, settings=self._plane.settings
            )
            took = perf_counter() - began
            if max(len(asked.answer.body), len(other.body)) <= LOOP_BYTES:
                found = compared(asked, other)
            else:
                found = await asyncio.to_thread(compared, asked, other)
        except CallFailed as failed:
            self.resting.update(asked.mirror.to, False, monotonic())
            self._count(asked.mirror.rule, "failed")
            self._tell(asked, Contrast("failed"), 0, str(failed))
        except asyncio.CancelledError:
            self._count(asked.mirror.rule, "dropped")
            raise
        else:
            self.resting.update(asked.mirror.to, True, monotonic())
            self._count(asked.mirror.rule, found.outcome, found, asked.seconds, took)
            if found.outcome != "same":
                self._tell(asked, found, other.status)
        finally:
            self.in_flight -= 1
            self.held_bytes -= asked.size

    def _count(
        self,
        rule: str,
        outcome: str,
        found: Contrast = NOTHING,
        seconds: float = 0.0,
        other_seconds: float = 0.0,
    ) -> None:
        more = Shadow({outcome: 1}, found.rows, found.differing, seconds, other_seconds)
        self._totals[rule] = self._totals.get(rule, Shadow()).plus(more)

    def _tell(self, asked: Asked, found: Contrast, status: int, detail: str = "") -> None:
        text = asked.keeping.text
        self._news.append(
            Shadowed(
                asked.mirror.rule,
                asked.keeping.id(asked.id),
                asked.trace,
                asked.started_ns,
                found.outcome,
                asked.answer.status,
                status,
                found.rows,
                found.differing,
                text(found.column),
                found.largest,
                text(detail),
            )
        )

    def snapshot(self) -> dict[str, Shadow]:
        """The totals, by rule."""
        return dict(self._totals)

    def news(self) -> tuple[Shadowed, ...]:
        """The latest answers that differ; each is told once."""
        found = tuple(self._news)
        self._news.clear()
        return found

    async def close(self) -> None:
        """Ask no more. What is under way counts as dropped."""
        await self._tasks.close()
        self.questions.close()


# -- pure ------------------------------------------------------------------------------------------


def question(asked: Asked) -> bytes:
    """The request as the model got it, marked, and without a place in the caller's trace: what the other
    model does is no part of the call."""
    lines = asked.head.lines + b"%b: %b\r\n" % (MARK, asked.mirror.rule.encode())
    if not asked.head.request_id:
        lines += b"x-request-id: %b\r\n" % asked.id.encode("latin-1")
    if not asked.head.chunked:
        return lines + b"\r\n" + asked.body
    pieces = [lines, b"\r\n"]
    if asked.body:
        chunk(pieces, asked.body)
    return b"".join(pieces) + last_chunk(())


def compared(asked: Asked, other: Reply) -> Contrast:
    """The other model's answer beside the model's own. An error is compared by its status alone."""
    own = asked.answer
    if other.status != own.status:
        return Contrast("status")
    if other.body == own.body or not 200 <= own.status < 300:
        return Contrast("same", asked.rows)
    if asked.codec is None:
        return Contrast("unread")
    request = Request(asked.head.method, asked.head.target, asked.head.fields, asked.body)
    try:
        before, now = (columns(asked.codec.decode_reply(request, one, asked.rows)) for one in (own, other))
    except Undecodable:
        return Contrast("unread")
    return contrast(before, now, asked.mirror.tolerance)


def contrast(before: Mapping[str, Column], now: Mapping[str, Column], tolerance: float) -> Contrast:
    """Two answers, column by column."""
    if list(before) != list(now) or any(len(now[name]) != len(before[name]) for name in before):
        return Contrast("shape")
    found: list[tuple[int, str, bool, float]] = []
    rows = len(next(iter(before.values()), ()))
    anywhere = np.zeros(rows, dtype=np.bool_)
    for name, old in before.items():
        changed = differs(old, now[name], tolerance)
        if changed.any():
            anywhere |= changed
            numbers = are_numbers(old, now[name])
            largest = _largest(old[changed], now[name][changed]) if numbers else math.nan
            found.append((int(changed.sum()), name, numbers, largest))
    if not found:
        return Contrast("same", rows)
    outcome = "numbers" if all(numbers for _, _, numbers, _ in found) else "values"
    _, column, _, largest = max(found, key=lambda one: one[0])
    return Contrast(outcome, rows, int(anywhere.sum()), column, largest)


def _largest(old: Column, new: Column) -> float:
    """The greatest difference there is; NaN where one of each two is missing."""
    apart = np.abs(new.astype(np.float64) - old.astype(np.float64))
    return float(np.fmax.reduce(apart))
