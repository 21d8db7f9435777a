"""Learning: rows of the first calls, until there are enough to fit a baseline from them.

    collecting -> fitting -> learned
        ^------------'  failed: more rows are wanted, twice as many each time

Pure state; `sidecar.observer.fitting` runs the process that fits. Rows are kept as lines of JSON, as
`sidecar fit` reads them, in one heap for each set of columns: where several models share a sidecar, the first
heap that is large enough becomes the baseline.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar import codecs
from sidecar.errors import SidecarError
from sidecar.exchange import Payload, Record, Request
from sidecar.features import columns
from sidecar.features.images import thumbnails
from sidecar.observer import answers
from sidecar.observer.outputs import OUTPUTS

log = logging.getLogger(__name__)

THUMBNAIL_DIGITS = 4
"""Digits after the point of each number of a picture that is kept, whose white is 1."""

ANSWER = "answer:"
"""What the name of a column begins with that holds an answer."""

HEAPS = 8
"""Sets of columns that rows are collected for; calls with yet other columns are not learned from."""

HEAP_BYTES = 16 * 1024 * 1024
"""Bytes of lines kept in all heaps together; beyond, the oldest rows of the largest heap make room."""

LARGEST = 1e150
"""Squares of larger numbers are none in float64: a fit fails that has one such row."""

MOST = 8
"""After failures at most this many times the rows asked for are collected; then the oldest make room."""

Phase = Literal["collecting", "fitting", "learned"]

_json = msgspec.json.Encoder()


class KeptLearning(msgspec.Struct, frozen=True):
    """Learning as it is kept on disk."""

    heaps: tuple[tuple[tuple[str, ...], tuple[bytes, ...]], ...]
    baseline: str
    failure: str
    failures: int


class Heap:
    """The rows of one set of columns, as lines of JSON."""

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.bytes = 0
        self.fresh = 0
        """Rows since the last try."""

    def add(self, line: bytes) -> None:
        self.lines.append(line)
        self.bytes += len(line)
        self.fresh += 1

    def shed(self) -> None:
        """Let go of the oldest row."""
        self.bytes -= len(self.lines.popleft())


class Learning:
    """What was collected so far. `rows` is how many rows were asked for."""

    def __init__(self, rows: int) -> None:
        self.phase: Phase = "collecting"
        self.need = rows
        self.baseline = ""
        """Directory of the learned baseline, once there is one."""
        self.failure = ""
        """Why the last try failed; empty when none did."""
        self.failures = 0
        self.left_out = 0
        """Calls that could not be learned from."""
        self._most = rows * MOST
        self._full = False
        """Whether a row had to make room for another since the last try."""
        self._heaps: dict[tuple[str, ...], Heap] = {}

    @property
    def seen(self) -> int:
        """Rows in the largest heap."""
        return max((len(heap.lines) for heap in self._heaps.values()), default=0)

    def update(self, records: Sequence[Record]) -> None:
        """Collect the rows of calls that the model accepted and a codec can read."""
        if self.phase != "collecting":
            return
        for record in records:
            if record.request_body and record.codec and 200 <= record.status < 300 and not record.failure:
                self._collect(record)

    def due(self) -> list[bytes] | None:
        """The lines to fit from now, or None while there are too few. Calling it begins the fitting phase."""
        if self.phase != "collecting":
            return None
        for heap in self._heaps.values():
            # Where rows are so large that there's no room for enough of them, those that there are must do.
            no_room = self._full and heap.fresh >= len(heap.lines) > 0 and heap is self._largest()
            if len(heap.lines) >= self.need or no_room:
                self.phase, self._full = "fitting", False
                heap.fresh = 0
                return list(heap.lines)
        return None

    def fitted(self, baseline: str) -> None:
        """The fit succeeded: `baseline` is its directory. The rows are no longer needed."""
        self.phase, self.baseline, self.failure = "learned", baseline, ""
        self._heaps.clear()

    def failed(self, message: str) -> None:
        """The fit failed: collect more rows and try again."""
        self.phase, self.baseline, self.failure = "collecting", "", message
        self.failures += 1
        self.need = min(self.need * 2, self._most)
        if self.need == self._most and self.seen >= self._most:
            # All the room there is was tried: start over, so that the next try sees other rows.
            self._heaps.clear()

    def _collect(self, record: Record) -> None:
        request = Request(record.method, record.target, record.request_headers, record.request_body)
        try:
            codec = codecs.choose(request, record.codec)
            found = _columns(codec.decode(request)) if codec is not None else {}
        except SidecarError:
            found = {}
        names = tuple(found)
        if (
            not names
            or any(map(_too_large, found.values()))
            or (names not in self._heaps and len(self._heaps) >= HEAPS)
        ):
            self.left_out += 1
            return
        heap = self._heaps.setdefault(names, Heap())
        found = {**found, **_answer(record, len(next(iter(found.values()))))}
        for row in zip(*(column.tolist() for column in found.values()), strict=True):
            self._add(heap, _line(tuple(found), row))

    def _add(self, heap: Heap, line: bytes) -> None:
        heap.add(line)
        if len(heap.lines) > self._most:
            heap.shed()
        while sum(each.bytes for each in self._heaps.values()) > HEAP_BYTES:
            self._full = True
            self._largest().shed()

    def _largest(self) -> Heap:
        return max(self._heaps.values(), key=lambda heap: heap.bytes)

    def keep(self) -> KeptLearning:
        """What `restore` needs."""
        heaps = tuple((names, tuple(heap.lines)) for names, heap in self._heaps.items())
        return KeptLearning(heaps, self.baseline, self.failure, self.failures)

    def restore(self, kept: KeptLearning) -> None:
        """Go on from a snapshot. A fit that was under way is started again."""
        # How many are needed isn't kept: the setting may be another one since.
        self.need = min(self.need * 2 ** min(kept.failures, MOST), self._most)
        self.failure, self.failures = kept.failure, kept.failures
        for names, lines in kept.heaps:
            heap = self._heaps[names] = Heap()
            for line in lines:
                self._add(heap, line)
        if kept.baseline:
            self.fitted(kept.baseline)


def _too_large(column: NDArray[Any]) -> bool:
    """Whether a number is so large that a column with it has no spread, and could not be fitted on."""
    if column.dtype.kind not in "fO":
        return False
    return any(isinstance(x, float) and LARGEST < abs(x) < math.inf for x in column.ravel().tolist())


def _columns(payload: Payload) -> Mapping[str, NDArray[Any]]:
    """The payload's columns. A picture is one, and small: what is kept is all that will be read of it."""
    if payload.codec != "image":
        return columns(payload)
    return {
        tensor.name: thumbnails(tensor.data, 1.0).round(THUMBNAIL_DIGITS).astype(np.float64)
        for tensor in payload.tensors
    }


def _answer(record: Record, rows: int) -> dict[str, NDArray[Any]]:
    """What the model answered, as columns under a name of their own; nothing where it cannot be read as a
    row for each row that was sent."""
    try:
        found = answers.decoded(record) if record.response_body else {}
    except SidecarError:
        return {}
    if len(found) > OUTPUTS or any(len(column) != rows for column in found.values()):
        return {}
    return {ANSWER + name: column for name, column in found.items()}


def _line(names: tuple[str, ...], row: tuple[Any, ...]) -> bytes:
    # JSON has no NaN: msgspec writes null, which `sidecar fit` reads as missing.
    return _json.encode(dict(zip(names, row, strict=True)))
