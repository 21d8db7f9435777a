"""Drift of how the inputs of one flow hang together, while each column alone looks as it did. State only.

    learn a classifier from the rows so far --- test it on the rows that come --- drifted, or learn anew

A classifier is learned every `LEARN` of a window from rows that then count no more for the test: the score's
e-processes (`sidecar.observer.drift`) begin with the next row. One whose evidence grows is kept; any other
gives way to the next. Only one is in the test at any time and starts are as far apart as in every other
test, so the promise is the same: leaving out an e-process never breaks it.

Sums of every term are kept for stretches of rows, the older the longer: the next classifier is learned from
them, and when one alarms, its mean score in each stretch says when that began. Counterpart:
`sidecar.observer.classifier`, where the statistics stand.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.observer.axes import Fields
from sidecar.observer.classifier import (
    Classifier,
    Reference,
    Related,
    columns,
    learn,
    numbers,
    related,
    terms,
)
from sidecar.observer.drift import HISTORY, Alarm, Detector, KeptDrift
from sidecar.observer.sequential import Values
from sidecar.scoring.bins import Bins, Counts

LEARN = 0.25
"""Share of a window after which another classifier is learned."""

STRETCH = 0.05
"""Share of a window after which a stretch ends."""

STRETCHES = 20
"""Stretches kept, the older the longer."""

LENGTHS = (0.25, 1.0, 4.0)
"""Windows of rows, the latest, that a classifier is learned from: the first sees a large change soon, the
last a small one at all."""

GROWING = 2.0
"""Log evidence at which a classifier is kept for longer."""

CAUTION = 0.8
"""Share of a drift's size that is looked for in the rows before: the size was seen a bit too large."""

SHOWN, LEAST_SHARE = 10, 0.02
"""Relations of an alarm that are shown at most, and the share of what tells the rows apart that is least."""


TOGETHER = 100
"""Rows that are taken in together: it costs nearly as much to take in one as to take in a hundred."""

WAIT_SECONDS = 0.5
"""For so long rows wait for others at most; where they're so few, what they cost doesn't matter."""


class Stretch(msgspec.Struct, frozen=True):
    """Rows that came one after another: how many came before, when the first came, and the sum of every term
    over them (K x K)."""

    before: int
    time: float
    rows: int
    total: NDArray[np.float32]


class KeptRelations(msgspec.Struct, frozen=True):
    """Relations as they are kept on disk."""

    rows: int
    stretches: tuple[Stretch, ...]
    classifier: Classifier | None
    learned: int
    counts: Counts
    sums: NDArray[np.float64]
    test: KeptDrift | None
    alarms: int
    alarm: Alarm | None
    related: tuple[Related, ...]
    history: tuple[Alarm, ...]


class Relations:
    """The sequential classifier test of one flow's columns together. It's shown as a `Detector` is."""

    def __init__(self, fields: Fields, known: Reference, window: int, tests: int = 1) -> None:
        self.alarm: Alarm | None = None
        self.related: tuple[Related, ...] = ()
        """Of the standing alarm: the relations that changed, the largest change first."""
        self.history: list[Alarm] = []
        self.alarms = 0
        self._rows = 0
        """Rows taken in."""
        self._waiting: list[Matrix] = []
        self._waiting_since = 0.0
        self._fields, self._known, self._window, self._tests = fields, known, window, tests
        self._bins = Bins(fields)
        self._stretches: list[Stretch] = []
        self._learned = 0
        self._begin(None)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._rows + sum(map(len, self._waiting))

    @property
    def bytes(self) -> int:
        """Bytes that the stretches may grow to."""
        return STRETCHES * 4 * self._known.mean.size

    @property
    def threshold(self) -> float | None:
        """Log evidence at which a drift is announced; None before anything was learned."""
        return self._test.threshold if self._test is not None else None

    @property
    def strongest(self) -> float:
        """Log evidence at the last look."""
        return self._test.strongest if self._test is not None else 0.0

    @property
    def suspicion(self) -> float:
        """Log evidence, averaged over starts: see `Detector`."""
        return self._test.suspicion if self._test is not None else 0.0

    def update(self, values: Matrix, now: float) -> None:
        """Take in rows (rows, fields), NaN where missing: at once, or when there are some more."""
        if not self._waiting:
            self._waiting_since = now
        self._waiting.append(values)
        if now - self._waiting_since >= WAIT_SECONDS or self.rows - self._rows >= TOGETHER:
            self._take_in(now)

    def _take_in(self, now: float) -> None:
        """Take in the rows that wait."""
        values, self._waiting = np.concatenate(self._waiting), []
        rows = numbers(self._bins.codes(values), self._known)
        self._remember(rows, self._waiting_since)
        self._rows += len(rows)
        if self._classifier is not None and self._test is not None:
            self._count(rows, self._classifier)
            self._test.update(self._rows - self._learned, self._counts, now)
            self._follow(self._test, now)
        if self.alarm is None and self._is_time():
            self._learn()

    # -- learning ------------------------------------------------------------------------------------

    def _remember(self, rows: Values, now: float) -> None:
        """Add rows to the last stretch, or to a new one."""
        total = (rows.T @ rows).astype(np.float32)
        last = self._stretches[-1] if self._stretches else None
        if last is not None and last.rows < STRETCH * self._window and self._rows != self._learned:
            self._stretches[-1] = _joined(last, Stretch(self._rows, now, len(rows), total))
            return
        self._stretches.append(Stretch(self._rows, now, len(rows), total))
        if len(self._stretches) > STRETCHES:
            ends = np.array([one.before + one.rows for one in self._stretches], dtype=np.float64)
            length = ends[1:] - np.array([one.before for one in self._stretches[:-1]])
            # Two neighbours become one where that's shortest for its age.
            at = int(np.argmin(length[:-1] / (ends[-1] + 1 - ends[:-2])))
            self._stretches[at : at + 2] = [_joined(*self._stretches[at : at + 2])]

    def _is_time(self) -> bool:
        if self._rows - self._learned < LEARN * self._window:
            return False
        return self._test is None or self._test.strongest < GROWING

    def _learn(self) -> None:
        self._learned = self._rows
        self._begin(learn(tuple(self._latest(length * self._window) for length in LENGTHS), self._known))

    def _latest(self, wanted: float) -> tuple[int, Values]:
        """The latest stretches that have so many rows together: their rows and sums."""
        rows, total = 0, np.zeros_like(self._known.mean)
        for stretch in reversed(self._stretches):
            rows, total = rows + stretch.rows, total + stretch.total
            if rows >= wanted:
                break
        return rows, total

    def _begin(self, classifier: Classifier | None) -> None:
        self._classifier = classifier
        self._test: Detector | None = None
        self._counts = np.zeros(0, dtype=np.int64)
        self._sums = np.zeros(0)
        if classifier is not None:
            self._test = Detector((classifier.field,), self._window, self._tests)
            self._score_bins = Bins((classifier.field,))
            self._counts = np.zeros(self._score_bins.size, dtype=np.int64)
            self._sums = np.zeros(len(classifier.weights))

    # -- testing -------------------------------------------------------------------------------------

    def _count(self, rows: Values, classifier: Classifier) -> None:
        found = terms(rows, classifier)
        self._sums = self._sums + found.sum(axis=0)
        self._counts = self._counts + self._score_bins.counts((found @ classifier.weights)[:, None])

    def _follow(self, test: Detector, now: float) -> None:
        """Take over what the test of the scores says, in terms of columns."""
        if test.alarm is not None and self.alarm is None:
            self.alarms += 1
            self.alarm = self._raised(test.alarm)
        elif test.alarm is None and self.alarm is not None:
            self.history = [*self.history, msgspec.structs.replace(self.alarm, ended=now)][-HISTORY:]
            self.alarm, self.related = None, ()
        elif test.alarm is not None and self.alarm is not None:
            self.alarm = msgspec.structs.replace(self.alarm, pace=test.alarm.pace)

    def _raised(self, alarm: Alarm) -> Alarm:
        assert self._classifier is not None
        found = related(self._classifier, self._sums / (self._rows - self._learned), self._fields)
        self.related = tuple(one for one in found[:SHOWN] if one.share >= LEAST_SHARE)
        loudest = msgspec.structs.replace(alarm.features[0], feature=" ~ ".join(columns(found)))
        alarm = msgspec.structs.replace(alarm, features=(loudest,), good_rows=alarm.good_rows + self._learned)
        return self._placed(alarm, *self._onset()) if alarm.from_the_first else alarm

    def _placed(self, alarm: Alarm, first: int, best: int, last: int) -> Alarm:
        """The alarm of a drift that was there before its classifier was learned."""
        marks = self._stretches
        earliest, since = marks[max(0, first - 1)], marks[best]
        return msgspec.structs.replace(
            alarm,
            since=since.time,
            earliest=earliest.time,
            latest=marks[last + 1].time if last + 1 < len(marks) else alarm.raised,
            rows=self._rows - since.before,
            good_rows=earliest.before,
            from_the_first=first == 0,
        )

    def _onset(self) -> tuple[int, int, int]:
        """The stretches before which the drift began: first, likeliest and last, with 95 % between them.

        The classifier was learned from rows in which it found by chance what it looks for, so they can't
        tell. Another one is learned from the rows since, and asked about all that came before them.
        """
        fresh = [one for one in self._stretches if one.before >= self._learned] or self._stretches[-1:]
        count = len(self._stretches) - len(fresh)
        rows, total = sum(one.rows for one in fresh), sum(one.total for one in fresh)
        found = learn(((rows, np.asarray(total, dtype=np.float64)),), self._known)
        above = [_above(one, found) for one in self._stretches[:count]]
        before = np.array([one.rows for one in self._stretches[:count]], dtype=np.float64)
        height = CAUTION * sum(_above(one, found) for one in fresh) / rows
        gains = (height * np.array(above) - before * height**2 / 2) / max(found.field.std**2, 1e-12)
        # What is gained by a step before each stretch, and before the fresh ones, which are sure to be after.
        gain = np.append(np.cumsum(gains[::-1])[::-1], 0.0)
        chance = np.exp(gain - gain.max())
        up_to = np.cumsum(chance) / chance.sum()
        return int(np.argmax(up_to >= 0.025)), int(gain.argmax()), int(np.argmax(up_to >= 0.975))

    # -- snapshots -----------------------------------------------------------------------------------

    def keep(self) -> KeptRelations:
        """What `restore` needs."""
        if self._waiting:
            self._take_in(self._waiting_since)
        return KeptRelations(
            self._rows,
            tuple(self._stretches),
            self._classifier,
            self._learned,
            self._counts,
            self._sums,
            self._test.keep() if self._test is not None else None,
            self.alarms,
            self.alarm,
            self.related,
            tuple(self.history),
        )

    def restore(self, kept: KeptRelations) -> None:
        """Go on from `kept`, of the same reference."""
        self._rows, self._stretches, self._learned = kept.rows, list(kept.stretches), kept.learned
        self._begin(kept.classifier)
        self._counts, self._sums = kept.counts, kept.sums
        if self._test is not None and kept.test is not None:
            self._test.restore(kept.test)
        self.alarms, self.alarm, self.related = kept.alarms, kept.alarm, kept.related
        self.history = list(kept.history)


def _above(stretch: Stretch, found: Classifier) -> float:
    """Sum over the stretch's rows of how far their score is above the reference's."""
    usual = stretch.rows * (found.usual @ found.weights)
    return float(stretch.total[found.first, found.second] @ found.weights - usual)


def _joined(one: Stretch, other: Stretch) -> Stretch:
    return Stretch(one.before, one.time, one.rows + other.rows, one.total + other.total)
