"""Joins labels to answered rows, by request id and row. Bounded in time and in bytes, whichever comes first.

    answered ----> kept for the horizon ----+---> joined
    label ------> waits, if it's the first -'

When there's no room for every call, a part of them is kept, chosen by a hash of the request id: so the part
is the same for calls and for labels, and has nothing to do with what either says. Its share shrinks by half
when the room is used up, and doubles when three quarters of it are free. Calls are kept packed, because there
are many and few of them are looked at again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple
from zlib import crc32

import msgspec

from sidecar.labels.label import Label, Value
from sidecar.observer.packing import pack
from sidecar.observer.routes import Key

Outcome = Literal[
    "joined", "waiting", "duplicate", "contradictory", "no-such-row", "ambiguous", "late", "not-sampled"
]
"""What became of a label.

* `joined`: it's the truth about a row that was answered.
* `waiting`: nobody knows the call yet. It may not be told yet, or never have been.
* `duplicate`: that row has this label already. `contradictory`: it has another one, which stays.
* `no-such-row`: the call had fewer rows. `ambiguous`: several different calls had this id.
* `late`: its own time says that the call must be older than the horizon.
* `not-sampled`: its call is among those that there was no room for.
"""

ENTRY_BYTES = 160
"""Bytes of a kept call beside what is packed, near enough."""

LABEL_BYTES, WAITING_BYTES = 100, 500
"""Bytes of a label that has joined its call, and of one that waits."""

WAITING_SHARE = 0.25
"""Of the bytes, what labels may take that wait for their calls."""

LEAST_SHARE = 2.0**-20
"""Of calls that are kept, however little room there is."""


class Answered(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An answered call that may get labels.

    `codes`: the bin of each of its inputs, a byte each, row after row, empty where there's no reference.
    `answer`: msgpack of a list for each row.
    """

    id: str
    flow: int
    time: float
    rows: int
    codes: bytes
    answer: bytes


class Waiting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A label that came at `came`, before its call."""

    label: Label
    came: float


class Joined(NamedTuple):
    """A row and its truth, which became known at `known` (Unix seconds)."""

    call: Answered
    row: int
    value: Value
    known: float


class KeptLedger(msgspec.Struct, frozen=True):
    """A ledger as it's kept on disk; `calls` are packed."""

    flows: tuple[Key, ...]
    calls: tuple[bytes, ...]
    labels: dict[str, dict[int, Value]]
    ambiguous: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    share: float
    counts: dict[str, int]


_unpack = msgspec.msgpack.Decoder(Answered).decode


class Ledger:
    """Calls and labels of the last `horizon` seconds in at most `size` bytes."""

    def __init__(self, horizon: float, size: int) -> None:
        self.counts: Counter[str] = Counter()
        """Labels by outcome, since the start; `unknown` are those that waited in vain."""
        self.share = 1.0
        """Of all calls that are kept."""
        self.bytes = 0
        self.flows: list[Key] = []
        """Numbered, because there are few and calls are many."""
        self._horizon, self._size = horizon, size
        self._calls: OrderedDict[str, bytes] = OrderedDict()
        """Packed, by id."""
        self._calls_of: Counter[int] = Counter()
        """How many of them each flow has."""
        self._labels: dict[str, dict[int, Value]] = {}
        """Those that have joined, by id and row."""
        self._ambiguous: set[str] = set()
        self._waiting: OrderedDict[tuple[str, int], Waiting] = OrderedDict()

    @property
    def calls(self) -> int:
        """Calls kept now."""
        return len(self._calls)

    @property
    def waiting(self) -> int:
        """Labels waiting now."""
        return len(self._waiting)

    def number(self, flow: Key) -> int:
        """The number of a flow."""
        if flow not in self.flows:
            self.flows.append(flow)
        return self.flows.index(flow)

    def idle(self) -> int | None:
        """The number of a flow of which no call is kept any more, so that another may have it."""
        return next((number for number in range(len(self.flows)) if not self._calls_of[number]), None)

    def sampled(self, id_: str) -> bool:
        """Whether calls with this id are kept."""
        return self.share >= 1.0 or crc32(id_.encode()) < self.share * 2**32

    def update(self, calls: Iterable[Answered], now: float) -> list[Joined]:
        """Take in answered calls; the rows that labels have been waiting for."""
        joined: list[Joined] = []
        for call in calls:
            if self.sampled(call.id):
                self._keep(call)
                joined += self._met(call)
        self._forget(now)
        return joined

    def label(self, labels: Sequence[Label], now: float) -> tuple[list[Outcome], list[Joined]]:
        """Take in labels: what became of each, and the rows whose truth is known now."""
        outcomes: list[Outcome] = []
        joined: list[Joined] = []
        for label in labels:
            outcome = self._outcome(label, now)
            if outcome == "joined":
                joined.append(self._join(label, now))
            elif outcome == "waiting":
                self._waiting[label.id, label.row] = Waiting(label, now)
            outcomes.append(outcome)
        self.counts.update(outcomes)
        self._forget(now)
        return outcomes, joined

    def _outcome(self, label: Label, now: float) -> Outcome:
        packed = self._calls.get(label.id)
        if packed is None:
            if label.time and now - label.time > self._horizon:
                return "late"
            before = self._waiting.get((label.id, label.row))
            if before is not None:
                return "duplicate" if before.label.value == label.value else "contradictory"
            return "waiting" if self.sampled(label.id) else "not-sampled"
        if label.id in self._ambiguous:
            return "ambiguous"
        if label.row >= _unpack(packed).rows:
            return "no-such-row"
        labels = self._labels.get(label.id, {})
        if label.row in labels:
            return "duplicate" if labels[label.row] == label.value else "contradictory"
        return "joined"

    def _join(self, label: Label, now: float) -> Joined:
        self._labels.setdefault(label.id, {})[label.row] = label.value
        self.bytes += LABEL_BYTES
        return Joined(_unpack(self._calls[label.id]), label.row, label.value, label.time or now)

    def _keep(self, call: Answered) -> None:
        packed = self._calls.get(call.id)
        if packed is None:
            self._calls[call.id] = packed = pack(call)
            self._calls_of[call.flow] += 1
            self.bytes += _held(call.id, packed)
            return
        before = _unpack(packed)
        if (before.flow, before.codes, before.answer) != (call.flow, call.codes, call.answer):
            # The same question with the same answer is a caller's second try; anything else is another call.
            self._ambiguous.add(call.id)

    def _drop(self, id_: str) -> None:
        labels, packed = self._labels.pop(id_, {}), self._calls.pop(id_)
        self._calls_of[_unpack(packed).flow] -= 1
        self.bytes -= _held(id_, packed) + LABEL_BYTES * len(labels)
        self._ambiguous.discard(id_)

    def _met(self, call: Answered) -> list[Joined]:
        """The labels that waited for this call; a call of many rows is asked for each of them."""
        joined = []
        for row in range(call.rows if self._waiting else 0):
            found = self._waiting.pop((call.id, row), None)
            if found is not None:
                outcome = self._outcome(found.label, found.came)
                self.counts[outcome] += 1
                if outcome == "joined":
                    joined.append(self._join(found.label, found.came))
        return joined

    def _forget(self, now: float) -> None:
        """Let go of what is too old, and of a part of the calls when there are too many."""
        while self._calls and now - _unpack(next(iter(self._calls.values()))).time > self._horizon:
            self._drop(next(iter(self._calls)))
        most = WAITING_SHARE * self._size / WAITING_BYTES
        while self._waiting and (
            len(self._waiting) > most or now - next(iter(self._waiting.values())).came > self._horizon
        ):
            self._waiting.popitem(last=False)
            self.counts["unknown"] += 1
        while self.bytes > self._size and self.share > LEAST_SHARE:
            self.share /= 2
            for id_ in [id_ for id_ in self._calls if not self.sampled(id_)]:
                self._drop(id_)
        if self.share < 1.0 and self.bytes < self._size / 4:
            self.share *= 2

    def forget(self) -> None:
        """Let go of what calls' inputs were: their bins are of a reference that is no longer used."""
        for id_, packed in self._calls.items():
            self._calls[id_] = pack(msgspec.structs.replace(_unpack(packed), codes=b""))
        self.bytes = self._size_of_all()

    def _size_of_all(self) -> int:
        calls = sum(_held(id_, packed) for id_, packed in self._calls.items())
        return calls + LABEL_BYTES * sum(map(len, self._labels.values()))

    def keep(self) -> KeptLedger:
        """What `restore` needs."""
        return KeptLedger(
            tuple(self.flows),
            tuple(self._calls.values()),
            self._labels,
            tuple(self._ambiguous),
            tuple(self._waiting.values()),
            self.share,
            dict(self.counts),
        )

    def restore(self, kept: KeptLedger) -> None:
        """Go on from `kept`."""
        self.flows, self.share, self.counts = list(kept.flows), kept.share, Counter(kept.counts)
        calls = [(_unpack(packed), packed) for packed in kept.calls]
        self._calls = OrderedDict((call.id, packed) for call, packed in calls)
        self._calls_of = Counter(call.flow for call, _ in calls)
        self._labels, self._ambiguous = kept.labels, set(kept.ambiguous)
        self._waiting = OrderedDict(((one.label.id, one.label.row), one) for one in kept.waiting)
        self.bytes = self._size_of_all()


def _held(id_: str, packed: bytes) -> int:
    """Bytes of a kept call, near enough."""
    return ENTRY_BYTES + len(id_) + len(packed)
