"""Cohorts: what was flagged lately, in groups of rows that are alike. State only.

    idle --- enough new flagged rows, or somebody asks ---> grouping --- an answer, or a failure ---> idle

Rows are kept here, bounded in number, bytes and time: the flagged ones, and clean ones to compare them with.
`sidecar.observer.grouping` runs the process that groups them, `sidecar.observer.numbering` sees to it that a
cohort keeps its number.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import msgspec

from sidecar.cohort import Answer, Group, KeptRow, Question
from sidecar.exchange import Alike, Matrix, Record
from sidecar.features import Schema
from sidecar.observer.newcomers import new_categories
from sidecar.observer.numbering import Known, numbers
from sidecar.observer.reservoir import KeptBlock, Reservoir, Weighted
from sidecar.projection import Projection

LEAST = 20
"""Flagged rows that are worth a search."""

FRESH = 0.1
"""New rows since the last search, as a share of those kept, that are worth another."""

PAUSE_SECONDS = 30.0
"""Between two searches that nobody asked for."""

DUTY = 0.02
"""Share of the time that searches nobody asked for may take."""

LONGEST_SEARCH = 120.0
"""Seconds that a search takes at most: what seems to have taken longer is a clock that was set."""

LONGEST_PAUSE = 600.0
"""Seconds to the next try after searches have failed again and again."""

FLAGGED_ROWS, FLAGGED_BYTES = 2_000, 4 * 1024 * 1024
CLEAN_ROWS, CLEAN_BYTES = 2_000, 2 * 1024 * 1024
"""The search takes a second or two for so many rows; the map shows no more."""

Answers: TypeAlias = Mapping[tuple[str, int], Matrix]
"""By call, its id and when it began: (rows, fields of the baseline's answers)."""

NO_ANSWERS: Answers = {}

TEXT = 128
"""Characters kept of what callers name: requests, models, categories."""


class Cohort(msgspec.Struct, frozen=True):
    """A group with its number. `rows` is how many rows it stands for, kept or not; times are Unix seconds."""

    id: int
    group: Group
    rows: float
    first: float
    last: float


class Found(msgspec.Struct, frozen=True):
    """What came of the last search. `flagged` and `scored` count the rows since `since`, kept or not."""

    asked: float
    took: float
    since: float
    scored: int
    flagged: int
    cohorts: tuple[Cohort, ...]
    singles: tuple[int, ...]
    """Serials of the flagged rows that are in no cohort."""
    compared: int
    map: Projection | None
    reference: tuple[tuple[float, float], ...]


class Asked(NamedTuple):
    """A question under way: when, and the rows it is about, by serial. The counts are those of `Found`."""

    time: float
    since: float
    scored: int
    flagged: int
    rows: dict[int, Weighted]


class KeptCohorts(msgspec.Struct, frozen=True):
    """Cohorts as they are kept on disk."""

    digest: str
    serial: int
    numbers: int
    flagged: tuple[KeptBlock, ...]
    clean: tuple[KeptBlock, ...]
    known: tuple[Known, ...]
    found: Found | None


class Cohorts:
    """The flagged rows of one baseline and the groups last found among them."""

    def __init__(self, seconds: float) -> None:
        self.schema: Schema | None = None
        self.found: Found | None = None
        self.rows: dict[int, KeptRow] = {}
        """The flagged rows of the last search by serial, also those no longer kept."""
        self.failure = ""
        """Why the last search failed; empty when it didn't."""
        self.searches = 0
        self.settled = asyncio.Event()
        """Set while no search is under way or asked for."""
        self.settled.set()
        self._seconds = seconds
        self._baseline = self._digest = ""
        self._known: tuple[Known, ...] = ()
        self._serial = self._numbers = self._failures = self._fresh = 0
        self._wanted = self._grouping = False
        self._asked: Asked | None = None
        self._not_before = -math.inf
        self._empty()

    def adopt(self, baseline: str, schema: Schema, digest: str) -> None:
        """Keep rows of this baseline from now on; those of another one have other fields and other p."""
        self._baseline, self.schema = baseline, schema
        if digest != self._digest:
            self._digest = digest
            self._empty()

    def _empty(self) -> None:
        self.flagged = Reservoir(FLAGGED_ROWS, FLAGGED_BYTES, self._seconds)
        self.clean = Reservoir(CLEAN_ROWS, CLEAN_BYTES, self._seconds)
        self.found, self.rows, self._known, self._fresh, self._asked = None, {}, (), 0, None

    # -- rows ------------------------------------------------------------------------------------------

    def update(self, records: Sequence[Record], now: float, answers: Answers = NO_ANSWERS) -> None:
        """Take in finished calls that were scored by the adopted baseline, and the answers that were read."""
        if self.schema is None:
            return
        size = 8 * len(self.schema.fields)
        scored = [
            r
            for r in records
            if r.features
            and r.baseline == self._digest
            and len(r.row_p) == r.rows
            and len(r.features) == size * r.rows
        ]
        odd = [(record, row) for record in scored for row in record.flagged if row < record.rows]
        self._fresh += self.flagged.update(len(odd), lambda i: self._row(*odd[i], answers), now)
        ordinary = [_ordinary(record) for record in scored]
        ends = list(accumulate(map(len, ordinary)))

        def clean(i: int) -> KeptRow:
            place = bisect_right(ends, i)
            row = ordinary[place][i - ends[place]]  # counted from its end
            return self._row(scored[place], row, answers)

        self.clean.update(ends[-1] if ends else 0, clean, now)

    def update_alike(self, alike: Iterable[Alike], now: float) -> None:
        """Take in calls that are told in brief: they're clean, and other clean rows stand for them."""
        if self.schema is not None:
            scored = (one for one in alike if one.record.row_p and one.record.baseline == self._digest)
            self.clean.pass_by(sum(one.rows for one in scored), now)

    def _row(self, record: Record, row: int, answers: Answers) -> KeptRow:
        assert self.schema is not None
        self._serial += 1
        size = 8 * len(self.schema.fields)
        values = record.features[row * size : (row + 1) * size]
        answer = answers.get((record.id, record.started_ns))
        return KeptRow(
            self._serial,
            record.id[:TEXT],
            row,
            record.started_ns / 1e9,
            record.row_p[row],
            record.model[:TEXT],
            record.version[:TEXT],
            values,
            new_categories(record, row, self.schema),
            answer[row].tobytes() if answer is not None and row < len(answer) else b"",
        )

    # -- searches ----------------------------------------------------------------------------------------

    def demand(self) -> None:
        """Somebody wants to know: search soon, if that could find anything new; then `settled` is set."""
        if len(self.flagged) >= LEAST and (self._fresh > 0 or self.found is None):
            self._wanted = True
            self.settled.clear()

    def due(self, now: float) -> Question | None:
        """The question to put now, or None. Calling it begins the search."""
        if self._grouping:
            return None
        if len(self.flagged) < LEAST:  # they may have grown old since somebody asked
            self._wanted = False
            self.settled.set()
            return None
        if not (self._wanted or self._is_time(now)):
            return None
        in_order = sorted(self.flagged, key=lambda one: one.row.serial)
        weighted = {one.row.serial: one for one in in_order}
        scored = self.clean.seen + self.flagged.seen
        self._asked = Asked(now, self.flagged.first, scored, self.flagged.seen, weighted)
        self._wanted, self._grouping, self._fresh = False, True, 0
        self.settled.clear()
        return Question(
            self._baseline,
            tuple(one.row for one in weighted.values()),
            b"".join(one.row.values for one in self.clean),
            self.found.map if self.found is not None else None,
        )

    def answered(self, answer: Answer, now: float) -> None:
        """The search has ended well."""
        asked = self._ended()
        self.failure, self._failures = "", 0
        if asked is None:  # another baseline was adopted meanwhile
            return
        took = min(max(0.0, now - asked.time), LONGEST_SEARCH)
        self._not_before = now + max(PAUSE_SECONDS, took / DUTY)
        cohorts = self._numbered(answer.groups, asked.rows)
        grouped = {serial for group in answer.groups for serial in group.members}
        self.rows = {serial: one.row for serial, one in asked.rows.items()}
        self.found = Found(
            asked.time,
            took,
            asked.since,
            asked.scored,
            asked.flagged,
            cohorts,
            tuple(serial for serial in asked.rows if serial not in grouped),
            answer.compared,
            answer.map,
            answer.reference,
        )
        self.searches += 1

    def failed(self, message: str, now: float) -> None:
        """The search has failed. The last result stays; the next try is later each time."""
        self._ended()
        self.failure = message
        self._failures += 1
        self._not_before = now + min(LONGEST_PAUSE, PAUSE_SECONDS * 2.0**self._failures)

    def _ended(self) -> Asked | None:
        asked, self._asked, self._grouping = self._asked, None, False
        if not self._wanted:
            self.settled.set()
        return asked

    def _is_time(self, now: float) -> bool:
        return now >= self._not_before and self._fresh >= FRESH * len(self.flagged)

    def _numbered(self, groups: Sequence[Group], rows: dict[int, Weighted]) -> tuple[Cohort, ...]:
        known = numbers([group.members for group in groups], rows, self._known)
        cohorts = tuple(self._cohort(group, was, rows) for group, was in zip(groups, known, strict=True))
        fresh = [Known(one.id, frozenset(one.group.members), one.first) for one in cohorts]
        # A number is remembered while any of its rows is: what is missed once may be found the next time.
        given = {one.id for one in fresh}
        self._known = (
            *fresh,
            *(old for old in self._known if old.id not in given and not old.members.isdisjoint(rows)),
        )
        return cohorts

    def _cohort(self, group: Group, was: Known | None, rows: dict[int, Weighted]) -> Cohort:
        members = [rows[serial] for serial in group.members]
        times = [one.row.time for one in members]
        if was is None:
            self._numbers += 1
            was = Known(self._numbers, frozenset(), min(times))
        weight = sum(one.weight for one in members)
        return Cohort(was.id, group, weight, min(was.first, *times), max(times))

    # -- snapshots ---------------------------------------------------------------------------------------

    def keep(self) -> KeptCohorts:
        """What `restore` needs."""
        return KeptCohorts(
            self._digest,
            self._serial,
            self._numbers,
            self.flagged.keep(),
            self.clean.keep(),
            self._known,
            self.found,
        )

    def restore(self, kept: KeptCohorts) -> None:
        """Go on from a snapshot, unless it is of another baseline. A search under way is begun again."""
        self._serial, self._numbers = kept.serial, kept.numbers
        if kept.digest != self._digest:
            return
        self.flagged.restore(kept.flagged)
        self.clean.restore(kept.clean)
        self._known, self.found = kept.known, kept.found
        self.rows = {one.row.serial: one.row for one in self.flagged}
        self._fresh = len(self.flagged)


def _ordinary(record: Record) -> Sequence[int]:
    """The rows of a call that were scored and not flagged."""
    if not record.flagged and not any(p != p for p in record.row_p):
        return range(record.rows)
    odd = frozenset(record.flagged)
    return [row for row, p in enumerate(record.row_p) if p == p and row not in odd]
