"""Who asks how: signs that a caller feels the model's way or copies it. Hints, no verdict.

    near      how many of a caller's answers were close calls: the two likeliest classes hardly apart
    cells     into how many parts of the input space a caller's rows have fallen, of 1,024

Honest callers have close calls as often as everybody; who walks along the boundary between two answers has
little else. Honest callers ask from where their own business lies; who copies a model asks from everywhere
(Juuti et al. 2019, "PRADA", and others watch how a caller's inputs are spread). A part is told by ten
numbers of the input, each above or below the middle of the reference. Bounded: of the callers, the quiet
ones are forgotten. Counterpart: `sidecar.console.callers_view`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter

import msgspec
import numpy as np

from sidecar.exchange import Alike, Matrix, Record
from sidecar.observer.outputs import Columns
from sidecar.scoring.bins import ReferenceField

MOST = 1_000
"""Callers that are kept: about 300 KB."""

BITS = 10
"""Numbers of an input that tell its part of the space."""

CLOSE = 0.1
"""Difference of the two likeliest classes' probabilities below which an answer is a close call."""

ROWS = 64
"""Rows of one call that are looked at."""

PLACED = 32
"""Calls at most, of those heard of at once, whose part of the space is looked up; they're evenly spaced."""


class Caller(msgspec.Struct):
    """What one caller has asked. `odd`: calls that were outliers or adversarial; `sequences`: calls that
    were one of a sequence of questions; `answers`: answers that were read and are probabilities, `near` of
    them close calls; `cells`: the parts of the input space, a bit for each."""

    calls: int = 0
    rows: int = 0
    odd: int = 0
    sequences: int = 0
    longest: int = 0
    answers: int = 0
    near: int = 0
    cells: int = 0
    last: float = 0.0
    """When it called last, in Unix seconds."""


class Callers:
    """Callers by address. `update` with what they asked, `answered` with the answers that were read."""

    def __init__(self) -> None:
        self.known: OrderedDict[str, Caller] = OrderedDict()
        self.all = Caller()
        """Everybody together."""
        self._digest = ""
        self._width = 0
        self._places: list[int] = []
        self._middles: Matrix = np.empty(0)

    def adopt(self, fields: Sequence[ReferenceField], digest: str) -> None:
        """Tell parts of the space by this reference; those by another are forgotten."""
        numbers = [i for i, field in enumerate(fields) if field.kind == "number" and field.edges]
        chosen = np.linspace(0, len(numbers) - 1, min(BITS, len(numbers))).astype(int).tolist()
        self._places = [numbers[i] for i in chosen]
        self._middles = np.array([fields[i].edges[len(fields[i].edges) // 2] for i in self._places])
        self._digest, self._width = digest, len(fields)
        for one in (self.all, *self.known.values()):
            one.cells = 0

    def update(self, records: Sequence[Record]) -> None:
        """Take in finished calls."""
        groups: dict[str, list[Record]] = {}
        for record in records:
            groups.setdefault(record.client, []).append(record)
        for client, group in groups.items():
            _count(self._caller(client), group)
        _count(self.all, records)
        for record in records[:: -(-len(records) // PLACED) or 1]:
            cells = self._cells(record)
            self._caller(record.client).cells |= cells
            self.all.cells |= cells

    def update_alike(self, alike: Alike) -> None:
        """Take in calls that are told in brief: none is odd, nor one of a sequence."""
        last = alike.record.started_ns / 1e9
        for client, (calls, rows) in alike.clients.items():
            for one in (self._caller(client), self.all):
                one.calls += calls
                one.rows += rows
                one.last = max(one.last, last)

    def answered(self, found: Sequence[tuple[Record, Columns]]) -> None:
        """Take in answers that have been read."""
        for record, columns in found:
            margins = margin(columns)
            if margins is None:
                continue
            near = int((margins < CLOSE).sum())
            for one in (self._caller(record.client), self.all):
                one.answers += margins.size
                one.near += near

    def _caller(self, address: str) -> Caller:
        found = self.known.get(address)
        if found is None:
            found = self.known[address] = Caller()
            if len(self.known) > MOST:
                self.known.popitem(last=False)
        self.known.move_to_end(address)
        return found

    def _cells(self, record: Record) -> int:
        """The parts of the space that the rows of a call are in, a bit for each."""
        whole = len(record.features) == 8 * record.rows * self._width > 0
        if not whole or record.baseline != self._digest or not self._places:
            return 0
        rows = np.frombuffer(record.features, "<f8").reshape(record.rows, -1)[:ROWS, self._places]
        numbers = (rows > self._middles) @ (1 << np.arange(len(self._places)))
        found = 0
        for number in set(numbers.tolist()):
            found |= 1 << number
        return found


def _count(one: Caller, records: Sequence[Record]) -> None:
    one.calls += len(records)
    one.rows += sum(map(_ROWS, records))
    one.odd += sum(map(ODD.__contains__, map(_VERDICT, records)))
    for evidence in filter(None, map(_EVIDENCE, records)):
        for sign in evidence:
            if sign.sign == "query-sequence":
                one.sequences += 1
                one.longest = max(one.longest, sign.n)
    if records:
        one.last = records[-1].started_ns / 1e9


ODD = frozenset({"outlier", "adversarial"})

_ROWS, _VERDICT, _EVIDENCE = attrgetter("rows"), attrgetter("verdict"), attrgetter("evidence")


def margin(columns: Columns) -> Matrix | None:
    """How far the likeliest class of each row is ahead of the next, (rows,); None when the columns are no
    probabilities that add up to one."""
    numbers = [column for column in columns.values() if column.dtype.kind == "f" and column.ndim == 1]
    if len(numbers) < 2 or len(numbers) != len(columns):
        return None
    rows = np.stack(numbers, axis=1)[:ROWS]
    if not (np.isfinite(rows).all() and rows.min(initial=0.0) >= 0.0):
        return None
    if not np.allclose(rows.sum(axis=1), 1.0, atol=1e-3):
        return None
    two = np.partition(rows, rows.shape[1] - 2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0], dtype=np.float64)
