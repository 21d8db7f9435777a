"""Scores calls while the model works on them: all that arrived in one turn of the loop, together.

`submit` is called when a request is whole and already on its way to the model. One callback later
everything submitted meanwhile is decoded, laid out and scored as one matrix. A body too large for the loop
goes to a thread, so that no other call waits for it. Whatever goes wrong here costs a call its
score and nothing else: it says `unscored` with the reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter_ns, time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sidecar import codecs
from sidecar.codecs import Codec
from sidecar.defence.guard import Guard, accused, guard
from sidecar.errors import Undecodable, Unscorable
from sidecar.exchange import Features, Headers, Hints, Payload, Request, Score
from sidecar.features import hinted, lay_out
from sidecar.proxy.case import Case
from sidecar.proxy.heads import RequestHead
from sidecar.proxy.judged import BUSY, INTERNAL, NAN, Judged, unscored
from sidecar.proxy.pieces import joined
from sidecar.proxy.together import Together
from sidecar.scoring.baseline import Baseline
from sidecar.sequences import Walks

if TYPE_CHECKING:
    from sidecar.proxy.squeezing import Squeezing

log = logging.getLogger(__name__)

LOOP_BYTES = 65_536
"""Bodies up to this many bytes are decoded on the event loop (well under a millisecond)."""

ROUTES_KEPT = 1024
"""Routes whose codec is remembered. A path with an id in it must not fill the memory."""

THREAD_BACKLOG = 64
"""Large bodies that may wait for the thread; beyond, they pass unscored."""


class Judge:
    """The scoring of one worker. Used on its event loop only."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, threshold: float, hint: str, baseline: Baseline | None
    ) -> None:
        """Raises BaselineError when what the baseline knows of clean inputs cannot be read."""
        self.baseline = baseline
        self.guard = guard(baseline)
        self.seen = self.need = 0
        self._loop = loop
        self.threshold = threshold
        self._hint = hint
        self._pending: list[Case] = []
        self._scheduled = False
        self.hint_of: Callable[[RequestHead], str] | None = None
        """What policies name as codec for a head, where one of them names any."""
        self._routes: dict[tuple[str, str, Headers, str], Codec | None] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._in_thread = 0
        self._together = Together(loop, self._executor, self._apart, self._tell)
        self.walks: Walks | None = None
        """Finds sequences of questions, where somebody asks for them."""
        self.squeezing: Squeezing | None = None
        """Asks the model again, where a policy wants it."""

    def codec_for(self, head: RequestHead) -> Codec | None:
        """The codec of this route, or None when nothing here is to be scored."""
        path = head.target.partition("?")[0]
        hint = self.hint_of(head) if self.hint_of is not None else ""
        key = (head.method, path, head.recorded, hint)
        try:
            return self._routes[key]
        except KeyError:
            pass
        request = Request(head.method, path, head.fields, b"")
        try:
            codec = codecs.choose(request, hint or self._hint)
        except Exception:
            log.exception("no codec could be chosen; the call passes unscored")
            codec = None
        if len(self._routes) >= ROUTES_KEPT:
            self._routes.clear()
        self._routes[key] = codec
        return codec

    def submit(self, call: Case) -> None:
        """Score this call with the others of this turn."""
        if self.takes_long(call):
            self._submit_large(call)
            return
        self._pending.append(call)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Score all that was submitted."""
        self._scheduled = False
        pending = self._pending
        if not pending:
            return
        self._pending = []
        for call, judged in zip(pending, self._judge(pending), strict=True):
            self._tell(call, judged)

    def takes_long(self, call: Case) -> bool:
        """Would scoring this call hold up the others?"""
        baseline = self.baseline
        if baseline is None:
            return False
        images = baseline.schema.plan.images  # of which a few bytes may be millions of pixels
        return call.request_bytes > LOOP_BYTES or not baseline.few or bool(images)

    def now(self, call: Case) -> None:
        """Score this call alone, before it is forwarded."""
        self._tell(call, self._judge([call])[0])

    def _tell(self, call: Case, judged: Judged) -> None:
        """Tell a call what was found, and with it whether it is one of a sequence."""
        if judged.prints is not None and self.walks is not None:
            try:
                found = self.walks.update(judged.prints, call.peer, time())
            except Exception:
                log.exception("sequences cannot be looked for; the call goes on without")
                found = None
            if found is not None:
                judged = judged._replace(score=accused(judged.score, found))
        scope = call.scope
        first = self.squeezing is not None and scope is not None and scope.again_first
        if not (first and self.squeezing is not None and self.squeezing.before(call, judged)):
            call.judged(judged)

    def _judge(self, calls: list[Case]) -> list[Judged]:
        baseline = self.baseline
        if baseline is None:
            learning = Judged(Score("learning", NAN, seen=self.seen, need=self.need))
            return [learning] * len(calls)
        try:
            return judge([_work(call) for call in calls], self._against(baseline))
        except Exception:
            if len(calls) > 1:  # one of them is at fault, and the others shall not pay for it
                return [self._judge([call])[0] for call in calls]
            log.exception("scoring failed; the call passes unscored")
            return [INTERNAL]

    def _submit_large(self, call: Case) -> None:
        baseline = self.baseline
        assert baseline is not None
        if not baseline.few:
            if not self._together.submit(call):
                call.judged(BUSY)
            return
        if self._in_thread >= THREAD_BACKLOG:
            call.judged(BUSY)
            return
        self._in_thread += 1
        work = _work(call)
        future = self._loop.run_in_executor(self._executor, judge, [work], self._against(baseline))
        future.add_done_callback(lambda done: self._large_done(call, done))

    def _large_done(self, call: Case, done: asyncio.Future[list[Judged]]) -> None:
        self._in_thread -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            log.error("scoring failed; the call passes unscored", exc_info=error)
        self._tell(call, INTERNAL if error is not None else done.result()[0])

    def _apart(self, calls: list[Case]) -> Callable[[], list[Judged]]:
        """What scores these calls in the thread, because it waits for PyOD's worker."""
        baseline = self.baseline
        assert baseline is not None
        return partial(_judge_each, [_work(call) for call in calls], self._against(baseline))

    def _against(self, baseline: Baseline) -> Against:
        return Against(baseline, self.threshold, self.guard, self.walks is not None)

    def swap(self, baseline: Baseline) -> None:
        """Score with this one from the next call on. Raises BaselineError as `guard` does."""
        self.guard = guard(baseline, self.guard.threshold)
        old, self.baseline = self.baseline, baseline
        if old is not None:
            self._executor.submit(old.close)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


Work: TypeAlias = tuple[Request, Codec, Hints | None]


def _work(call: Case) -> Work:
    head, codec = call.head, call.codec
    assert codec is not None  # a call without one is never submitted
    hints = call.scope.hints if call.scope is not None else None
    return Request(head.method, head.target, head.fields, joined(call.kept)), codec, hints


class Against(NamedTuple):
    """What calls are held against. `printing`: their fingerprints are taken, too."""

    baseline: Baseline
    threshold: float
    guard: Guard
    printing: bool = False

    @property
    def plain(self) -> int:
        """How many numbers a row is, when it is nothing else and nothing but its score is asked; or 0."""
        return 0 if self.printing or self.guard.noise is not None else self.baseline.plain


def judge(work: list[Work], against: Against) -> list[Judged]:
    """Decode, lay out and score requests. One undecodable request spoils only itself."""
    baseline = against.baseline
    if len(work) <= baseline.few:
        return [_judge_alone(request, codec, hints, against) for request, codec, hints in work]
    started = perf_counter_ns()
    ready: list[tuple[int, Payload, Features]] = []
    outcome = [INTERNAL] * len(work)
    for place, (request, codec, hints) in enumerate(work):
        if hints is not None:
            outcome[place] = _judge_alone(request, codec, hints, against)
            continue
        read: Payload | None = None
        try:
            read = codec.decode(request)
            ready.append((place, read, lay_out(read, baseline.schema)))
        except (Undecodable, Unscorable) as error:
            outcome[place] = unscored(str(error), read)
    scores = baseline.score_many([features for _, _, features in ready], against.threshold)
    took = (perf_counter_ns() - started) // len(work)
    for (place, payload, features), score in zip(ready, scores, strict=True):
        outcome[place] = _judged(score, payload, features, took, against)
    return outcome


def _judge_each(work: list[Work], against: Against) -> list[Judged]:
    """`judge`; when it fails, whoever is not at fault shall not pay for it."""
    try:
        return judge(work, against)
    except Exception:
        if len(work) > 1:
            return [_judge_each([one], against)[0] for one in work]
        log.exception("scoring failed; the call passes unscored")
        return [INTERNAL]


def _judge_alone(request: Request, codec: Codec, hints: Hints | None, against: Against) -> Judged:
    baseline = against.baseline
    started = perf_counter_ns()
    width = against.plain if hints is None else 0
    if width and (one := codec.one_row(request, width)) is not None:
        score = baseline.score_block(one.block, against.threshold)
        took = perf_counter_ns() - started
        names = baseline.schema.names
        return Judged(score, one.model, one.version, 1, one.block, took, baseline.digest, names)
    read: Payload | None = None
    try:
        read = codec.decode(request)
        payload = read if hints is None else hinted(read, hints)
        features = lay_out(payload, baseline.schema)
    except (Undecodable, Unscorable) as error:
        return unscored(str(error), read)
    if hints is not None and hints.detectors:
        score = baseline.score_by(features, hints.detectors)
    else:
        score = baseline.score(features, against.threshold)
    return _judged(score, payload, features, perf_counter_ns() - started, against)


def _judged(score: Score, payload: Payload, features: Features, took: int, against: Against) -> Judged:
    baseline, values = against.baseline, features.values
    model, version = payload.model or "", payload.version or ""
    printer = baseline.printer if against.printing else None
    return Judged(
        against.guard.read(against.guard.look(score, features), features, payload),
        model,
        version,
        len(values),
        values.tobytes(),
        took,
        baseline.digest,
        baseline.schema.names,
        printer.prints(features, payload) if printer is not None else None,
        payload.brought,
    )
