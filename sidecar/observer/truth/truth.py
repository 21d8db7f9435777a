"""What turned out to be true of every flow's answers: calls go in, labels go in, performance comes out.

Counterparts: `sidecar.observer.traffic` tells of answers, `sidecar.console.api` of labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import NamedTuple

import msgspec
import numpy as np

from sidecar.exchange import Record
from sidecar.labels.label import Label, Value, canonical
from sidecar.labels.said import Said
from sidecar.observer.axes import Fields
from sidecar.observer.outputs import OUTPUTS, Columns
from sidecar.observer.routes import Key
from sidecar.observer.truth.ledger import Answered, Joined, KeptLedger, Ledger, Outcome
from sidecar.observer.truth.performance import KeptPerformance, Labelled, Performance
from sidecar.scoring.bins import Bins
from sidecar.scoring.validation import Validated

HORIZON, SIZE = 86_400.0, 10 * 1024 * 1024
"""What the settings `label-horizon` and `label-bytes` are unless set."""

TESTS = 4
"""Tests of a flow, of its inputs, their relations, its outputs and their truth: they share one promise."""

FLOWS = 64
"""Flows that may get labels: more than have windows, because some of these end. One whose calls can get no
labels any more makes room for another."""

PROBLEMS = 20
"""Labels named in an answer that weren't joined and don't wait."""

ROWS = 4096
"""Rows of one call that may get labels."""


class Problem(NamedTuple):
    """A label that had no use."""

    label: Label
    outcome: Outcome


class Taken(NamedTuple):
    """What became of labels."""

    outcomes: Counter[str]
    problems: list[Problem]

    def merge(self, other: Taken) -> Taken:
        """Of these labels and of the others."""
        return Taken(self.outcomes + other.outcomes, [*self.problems, *other.problems][:PROBLEMS])


class KeptTruth(msgspec.Struct, frozen=True):
    """All of it as it's kept on disk."""

    ledger: KeptLedger
    names: tuple[tuple[str, ...], ...]
    flows: tuple[tuple[Key, KeptPerformance], ...]
    digest: str = ""
    promised: tuple[tuple[str, str, str], ...] = ()


class Truth:
    """Answered calls, labels, and what they tell of each flow. `rows`: the length of windows."""

    def __init__(
        self,
        rows: int,
        horizon: float = HORIZON,
        size: int = SIZE,
        said: Said | None = None,
        tests: int = TESTS,
    ) -> None:
        self.ledger = Ledger(horizon, size)
        self.flows: dict[Key, Performance] = {}
        self.left_out: Counter[str] = Counter()
        """Answered calls that can get no labels, by reason."""
        self._rows, self._said, self._tests = rows, said or Said(), tests
        self._names: list[tuple[str, ...]] = []
        """Of each numbered flow's outputs."""
        self._bins: Bins | None = None
        self._digest = ""
        self.validated: Validated | None = None
        """What the baseline says of its labelled rows."""
        self._promised: dict[tuple[str, str], str] = {}
        """Model and route -> the version that the baseline's labelled rows are of: the first to answer."""

    def adopt(self, fields: Fields, digest: str, validated: Validated | None = None) -> None:
        """Keep the inputs of calls in the bins of this reference from now on. `validated`: what is known of
        its labelled rows."""
        if digest != self._digest:
            self._bins, self._digest, self.validated = Bins(fields), digest, validated
            self._promised.clear()
            self.ledger.forget()
            for performance in self.flows.values():
                performance.forget(len(fields))

    def update(self, flow: Key, answered: Sequence[tuple[Record, Columns]], now: float) -> None:
        """Take in calls of one flow with their answers."""
        if not answered:
            return
        number = self._number(flow)
        if number is None:
            self.left_out["flow-limit"] += len(answered)
            return
        if flow not in self.flows:
            self._names[number : number + 1] = [tuple(answered[0][1])[:OUTPUTS]]
            self.flows[flow] = self._new()
        self._promise(flow, self._names[number])
        alike = [one for one in answered if tuple(one[1])[:OUTPUTS] == self._names[number]]
        self.left_out["other-shape"] += len(answered) - len(alike)
        kept = [one for one in alike if self.ledger.sampled(one[0].id)]
        codes = self._codes([record for record, _ in kept])
        calls = []
        for (record, columns), of_call in zip(kept, codes, strict=True):
            answer = _rows(columns)
            calls.append(_answered(number, record, answer, of_call))
            self.flows[flow].answered(calls[-1].time, of_call, answer)
        self._take(self.ledger.update(calls, now))

    def _number(self, flow: Key) -> int | None:
        """The number of a flow, perhaps that of one whose calls are all gone; None where there's no room."""
        if flow in self.ledger.flows or len(self.ledger.flows) < FLOWS:
            return self.ledger.number(flow)
        number = self.ledger.idle()
        if number is not None:
            gone = self.ledger.flows[number]
            self.ledger.flows[number] = flow
            self.flows.pop(gone, None)
            if not any(one[::2] == gone[::2] for one in self.ledger.flows):
                self._promised.pop((gone.model, gone.route), None)
        return number

    def _promise(self, flow: Key, names: tuple[str, ...]) -> None:
        """Compare a flow with the baseline's labelled rows. They're of one version of the model; what becomes
        of another's answers is no concept drift, so that one is compared with its own first window."""
        if self.validated is None:
            return
        if self._promised.setdefault((flow.model, flow.route), flow.version) == flow.version:
            self.flows[flow].promise(names, self.validated)

    def _codes(self, records: Sequence[Record]) -> list[bytes]:
        """The bins of each call's inputs, a byte each; together, because that's ten times as fast."""
        if self._bins is None:
            return [b""] * len(records)
        width = 8 * len(self._bins.slices)
        blocks = [
            record.features[: ROWS * width]
            if record.baseline == self._digest and not len(record.features) % width
            else b""
            for record in records
        ]
        values = np.frombuffer(b"".join(blocks), "<f8").reshape(-1, len(self._bins.slices))
        codes = self._bins.within(values).tobytes()
        ends = list(accumulate((len(block) // 8 for block in blocks), initial=0))
        return [codes[start:end] for start, end in pairwise(ends)]

    def label(self, labels: Sequence[Label], now: float) -> Taken:
        """Take in labels."""
        outcomes, joined = self.ledger.label(labels, now)
        self._take(joined)
        unused = [
            Problem(label, outcome)
            for label, outcome in zip(labels, outcomes, strict=True)
            if outcome not in ("joined", "waiting", "duplicate")
        ]
        return Taken(Counter(outcomes), unused[:PROBLEMS])

    def _take(self, joined: Iterable[Joined]) -> None:
        by_flow: dict[int, list[Labelled]] = {}
        for one in joined:
            by_flow.setdefault(one.call.flow, []).append(_labelled(one))
        for number, rows in by_flow.items():
            rows.sort(key=attrgetter("time"))  # a file may have any order, a test of time may not
            self.flows[self.ledger.flows[number]].update(self._names[number], rows)

    def _new(self) -> Performance:
        return Performance(self._rows, self._said, self._tests, self._width)

    @property
    def _width(self) -> int:
        """Fields of the reference."""
        return len(self._bins.slices) if self._bins is not None else 0

    def keep(self) -> KeptTruth:
        """What `restore` needs."""
        flows = tuple((key, performance.keep()) for key, performance in self.flows.items())
        promised = tuple((*found, version) for found, version in self._promised.items())
        return KeptTruth(self.ledger.keep(), tuple(self._names), flows, self._digest, promised)

    def restore(self, kept: KeptTruth) -> None:
        """Go on from `kept`."""
        self.ledger.restore(kept.ledger)
        self._names = list(kept.names)
        same = kept.digest == self._digest
        if same:
            self._promised = {(model, route): version for model, route, version in kept.promised}
        else:
            self.ledger.forget()
        for key, performance in kept.flows:
            self.flows[key] = self._new()
            self.flows[key].restore(performance)
            if not same:
                self.flows[key].forget(self._width)


def _answered(flow: int, record: Record, answer: list[list[Value | None]], codes: bytes) -> Answered:
    ended = (record.started_ns + record.ended_ns) / 1e9
    return Answered(record.id, flow, ended, len(answer), codes, msgspec.msgpack.encode(answer))


def _rows(columns: Columns) -> list[list[Value | None]]:
    """The outputs' values, row by row."""
    values = [column[:ROWS].tolist() for column in list(columns.values())[:OUTPUTS]]
    return [[canonical(value) for value in row] for row in zip(*values, strict=True)]


def _labelled(one: Joined) -> Labelled:
    call = one.call
    width = len(call.codes) // max(1, call.rows)
    answer = msgspec.msgpack.decode(call.answer)[one.row]
    codes = call.codes[one.row * width : (one.row + 1) * width]
    return Labelled(call.time, one.known, codes, tuple(answer), one.value)
