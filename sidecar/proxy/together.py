"""Calls whose score waits for PyOD's worker: while one batch is there, the next one gathers.

So the event loop never waits, PyOD is asked about many rows at once, which costs it little more than one, and
no more than a batch is ever at the worker. Where the worker is slow, away or stuck, calls go on without a
score. Counterparts: `sidecar.proxy.judging` submits and scores, `sidecar.scoring.apart` asks the worker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from sidecar.proxy.case import Case
from sidecar.proxy.judged import Judged

BATCH_CALLS = 64
"""Calls that go to the worker together, at most."""

BATCH_BYTES = 1_048_576
"""Bytes of their bodies, but for the first."""

WAITING_CALLS = 1024
WAITING_BYTES = 16_777_216
"""What may wait at most; beyond, calls pass unscored."""


class Together:
    """The calls that wait, and the batch that is being scored in `thread`. Used on the event loop only."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        thread: Executor,
        score: Callable[[list[Case]], Callable[[], list[Judged]]],
        tell: Callable[[Case, Judged], None],
    ) -> None:
        """`score`: takes what a batch needs out of its calls, and returns what scores it in the thread;
        `tell`: tells a call what was found."""
        self._loop = loop
        self._thread = thread
        self._score = score
        self._tell = tell
        self._waiting: deque[Case] = deque()
        self._bytes = 0
        self._batch: list[Case] = []

    def submit(self, call: Case) -> bool:
        """Score this call with the next batch; False when too much waits."""
        if len(self._waiting) >= WAITING_CALLS or self._bytes + call.request_bytes > WAITING_BYTES:
            return False
        self._waiting.append(call)
        self._bytes += call.request_bytes
        if not self._batch:
            self._loop.call_soon(self._next)
        return True

    def _next(self) -> None:
        if self._batch or not (batch := self._gathered()):
            return
        self._batch = batch
        future = self._loop.run_in_executor(self._thread, self._score(batch))
        future.add_done_callback(self._done)

    def _gathered(self) -> list[Case]:
        """The next batch, without the calls that have given up waiting."""
        batch: list[Case] = []
        size = 0
        while self._waiting and len(batch) < BATCH_CALLS:
            size += self._waiting[0].request_bytes
            if batch and size > BATCH_BYTES:
                break
            call = self._waiting.popleft()
            self._bytes -= call.request_bytes
            if call.judgement is None and not call.over:
                batch.append(call)
        return batch

    def _done(self, done: asyncio.Future[list[Judged]]) -> None:
        batch, self._batch = self._batch, []
        if done.cancelled():
            return
        for call, judged in zip(batch, done.result(), strict=True):
            self._tell(call, judged)
        self._next()
