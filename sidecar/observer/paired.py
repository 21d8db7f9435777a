"""Questions and answers kept beside each other, so that it can be told later whether the model changed.

    the latest rows whole <- what came    what leaves them -> a uniform sample of everything before

Sampled by trace (`sidecar.tracing.consistent`), bounded in rows and bytes, whatever callers send. Values are
kept as the model got them: text as text, because a model of language is asked nothing else. Counterpart:
`sidecar.cascade`, which compares them.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar import codecs
from sidecar.cascade import Pairs, Row
from sidecar.cascade.pairs import Value
from sidecar.errors import Undecodable
from sidecar.exchange import Record, Request
from sidecar.features import columns
from sidecar.observer.answers import decoded
from sidecar.observer.lineage import Lineage
from sidecar.observer.outputs import Columns
from sidecar.observer.packing import pack
from sidecar.observer.routes import OVERFLOW, key
from sidecar.tracing.consistent import CALLS, Consistent

LATEST = 500
"""Rows of the latest calls that are kept whole; fewer where fewer are wanted in all."""

SUBJECTS = 4
"""Models and routes that are told apart; one sidecar has one model, seldom more."""

CALL_ROWS = 8
"""Rows of one call at most."""

BYTES = 4 * 1024 * 1024
"""Bytes of rows of one subject, near enough."""

WIDEST = 256
"""Columns of a side that are kept. Wider ones (an image) are folded."""

FOLDED = 64
"""Columns that a wider side is folded to."""

TEXT = 512
"""Characters of a text that are kept."""


class KeptSubject(msgspec.Struct, frozen=True):
    """One subject as it is kept on disk: its rows packed, the older ones first. `keys` are the draws of the
    older rows, `seen` how many those were drawn from."""

    model: str
    route: str
    asked: tuple[str, ...]
    answered: tuple[str, ...]
    rows: tuple[bytes, ...]
    keys: tuple[float, ...]
    seen: int


_unpack = msgspec.msgpack.Decoder(Row).decode


class Subject:
    """The rows of one model and route, whatever its version. Packed, because nobody may ever ask for them,
    and a number of Python's takes 24 bytes and its place."""

    def __init__(self, model: str, route: str, most: int) -> None:
        self.model, self.route = model, route
        self.asked: tuple[str, ...] = ()
        self.answered: tuple[str, ...] = ()
        self._most = most
        self._latest: deque[bytes] = deque()
        self._older: list[tuple[float, int, bytes]] = []
        """The negated draw, a serial, the row: the largest draw on top, the first to go."""
        self._bytes = 0
        self._seen = 0
        self._random = np.random.default_rng(0)

    def add(self, row: Row) -> None:
        """Take in one more row; the oldest of the latest becomes one of the older, of which some go."""
        self._latest.append(packed := pack(row))
        self._bytes += size(packed)
        if len(self._latest) > min(LATEST, max(1, self._most // 4)):
            self._seen += 1
            heapq.heappush(self._older, (-float(self._random.random()), self._seen, self._latest.popleft()))
        while self._older and (len(self._older) + len(self._latest) > self._most or self._bytes > BYTES):
            self._bytes -= size(heapq.heappop(self._older)[2])
        while len(self._latest) > 1 and self._bytes > BYTES:
            self._bytes -= size(self._latest.popleft())

    def pairs(self) -> Pairs:
        """Everything kept, oldest first."""
        rows = map(_unpack, self._rows())
        ordered = tuple(sorted(rows, key=lambda row: row.began))
        return Pairs(self.model, self.route, self.asked, self.answered, ordered)

    def _rows(self) -> tuple[bytes, ...]:
        return (*(packed for _, _, packed in self._older), *self._latest)

    def keep(self) -> KeptSubject:
        """What `restore` needs."""
        draws = tuple(-draw for draw, _, _ in self._older)
        about = (self.model, self.route, self.asked, self.answered)
        return KeptSubject(*about, self._rows(), draws, self._seen)

    def restore(self, kept: KeptSubject) -> None:
        """Go on from a snapshot."""
        self.asked, self.answered, self._seen = kept.asked, kept.answered, kept.seen
        older, latest = kept.rows[: len(kept.keys)], kept.rows[len(kept.keys) :]
        self._older = [(-draw, i, row) for i, (draw, row) in enumerate(zip(kept.keys, older, strict=True))]
        heapq.heapify(self._older)
        self._latest = deque(latest)
        self._bytes = sum(map(size, kept.rows))


class Paired:
    """Every subject. `most`: rows of each; 0 keeps nothing."""

    def __init__(self, most: int, left_out: Counter[str], lineage: Lineage | None = None) -> None:
        self.subjects: dict[tuple[str, str], Subject] = {}
        self._most = most
        self._left_out = left_out
        self._lineage = lineage
        self._chosen = Consistent(CALLS if most else 0)

    def update(self, records: Iterable[Record]) -> None:
        """Take in finished calls."""
        for record in records:
            if able(record) and self._chosen.take(record.span.trace):
                self._add(record)

    def _add(self, record: Record) -> None:
        try:
            asked, answered = side(questions(record)), side(decoded(record))
        except Undecodable:
            self._left_out["pair-undecodable"] += 1
            return
        if self._lineage is not None:
            self._lineage.update(record, by_tensor(asked), by_tensor(answered))
        subject = self._subject(record)
        if subject is None or not asked.rows or len(asked.rows) != len(answered.rows):
            self._left_out["pair-uneven" if subject else "pair-limit"] += 1
            return
        if not subject.asked:
            subject.asked, subject.answered = asked.names, answered.names
        if (asked.names, answered.names) != (subject.asked, subject.answered):
            self._left_out["pair-other-columns"] += 1
            return
        began = record.started_ns / 1e9
        ended = began + record.ended_ns / 1e9
        for i, (ours, theirs) in enumerate(zip(asked.rows, answered.rows, strict=True)):
            subject.add(Row(record.id, record.span.trace, i, began, ended, record.version, ours, theirs))

    def _subject(self, record: Record) -> Subject | None:
        found = key(record)
        name = (found.model, found.route.replace("/versions/{version}", ""))
        if name not in self.subjects and len(self.subjects) < SUBJECTS and found != OVERFLOW:
            self.subjects[name] = Subject(*name, self._most)
        return self.subjects.get(name)

    def pairs(self) -> tuple[Pairs, ...]:
        """The rows of every subject that has some."""
        return tuple(found for subject in self.subjects.values() if (found := subject.pairs()).rows)

    def keep(self) -> tuple[KeptSubject, ...]:
        """What `restore` needs."""
        return tuple(subject.keep() for subject in self.subjects.values())

    def restore(self, kept: Sequence[KeptSubject]) -> None:
        """Go on from a snapshot."""
        for old in kept if self._most else ():
            subject = self.subjects[old.model, old.route] = Subject(old.model, old.route, self._most)
            subject.restore(old)


class Side(msgspec.Struct, frozen=True):
    """Questions or answers of one call: the names of their columns, and the rows."""

    names: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def able(record: Record) -> bool:
    """Whether both sides of a call are there, and it went well."""
    both = record.request_body and record.response_body and record.codec
    return bool(both) and 200 <= record.status < 300 and not record.failure


def questions(record: Record) -> Columns:
    """The columns of a call's input. Raises Undecodable."""
    request = Request(record.method, record.target, record.request_headers, record.request_body)
    codec = codecs.choose(request, record.codec)
    return columns(codec.decode(request)) if codec is not None else {}


def by_tensor(side: Side) -> list[tuple[Value, ...]]:
    """The rows of each tensor apart: `x[0]` and `x[1]` are columns of one."""
    places: dict[str, list[int]] = {}
    for i, name in enumerate(side.names):
        places.setdefault(name.rpartition("[")[0] or name, []).append(i)
    return [tuple(row[i] for i in columns) for columns in places.values() for row in side.rows]


def side(found: Columns) -> Side:
    """Columns as rows of plain values."""
    values = [column[:CALL_ROWS] for column in found.values()]
    if any(column.ndim > 1 for column in values):
        return Side((), ())
    if len(values) > WIDEST:
        return _folded(values)
    rows = zip(*([_value(value) for value in column.tolist()] for column in values), strict=True)
    return Side(tuple(found), tuple(rows))


def _folded(values: list[NDArray[Any]]) -> Side:
    """Many numbers as few: each goes, with a sign, to one of `FOLDED` sums (the count sketch of Charikar,
    Chen and Farach-Colton, 2002), which keeps distances, near enough."""
    if any(column.dtype.kind not in "fiub" for column in values):
        return Side((), ())
    wide = np.array(values, dtype=np.float64).T
    place = np.arange(wide.shape[1])
    draw = (place * 2_654_435_761) >> 7
    signed = np.where(draw & 1, 1.0, -1.0)
    sums = np.zeros((FOLDED, len(wide)))
    np.add.at(sums, (draw >> 1) % FOLDED, (wide * signed).T)
    return Side(tuple(f"folded[{i}]" for i in range(FOLDED)), tuple(map(tuple, sums.T.tolist())))


def _value(value: object) -> Value:
    if value is None or isinstance(value, bool | float):
        return value
    return float(value) if isinstance(value, int) else str(value)[:TEXT]


def size(packed: bytes) -> int:
    """Bytes of a kept row, near enough."""
    return 180 + len(packed)
