"""Drift of the inputs of one flow against the reference: when it began, in which features. State only.

    stable --- evidence over the threshold, and an effect worth a word ---> drifted
       ^-------- a whole window that speaks for the reference again -----------'

Counterpart: `sidecar.observer.sequential`, where the statistics stand. A detector reads the running
totals of a window, so it costs nothing for a row; and it keeps those totals as they were at past moments, so
that the rows since any of them can be counted: the starts of its e-processes.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from sidecar.observer.axes import Fields
from sidecar.observer.sequential import LEAST_EFFECT, STEP, Values, by_bin, effect, evidence, law, together
from sidecar.scoring.bins import Bins, Counts

WINDOWS_PER_FALSE_ALARM = 10_000
"""The promise: while nothing moves, a chance of at most 1 in so many windows for a false alarm in each."""

STARTS = 40
"""Starts kept. The older, the further apart: leaving one out never breaks the promise."""

LOOK_ROWS = 5
"""Rows between looks at least. Looking oftener than e-processes are started costs nothing of the promise."""

LOOK_SECONDS = 0.004
"""Seconds between looks, for each feature: a look at 50 features takes some 10 ms, so that's a twentieth."""


class Moved(msgspec.Struct, frozen=True):
    """A feature that moved: its log evidence and the share of rows that went to other bins."""

    feature: str
    log_evidence: float
    effect: float


class Alarm(msgspec.Struct, frozen=True):
    """A drift. Times are Unix seconds, `ended` is 0 while it lasts; the strongest feature comes first."""

    since: float
    raised: float
    rows: int
    """Rows from the onset to the alarm."""
    features: tuple[Moved, ...]
    ended: float = 0.0


class Start(msgspec.Struct, frozen=True):
    """The totals as they were when an e-process was started."""

    rows: int
    time: float
    counts: Counts


class KeptDrift(msgspec.Struct, frozen=True):
    """A detector as it is kept on disk."""

    starts: tuple[Start, ...]
    alarms: int
    alarm: Alarm | None
    history: tuple[Alarm, ...]


HISTORY = 20
"""Past alarms kept."""


class Detector:
    """The sequential test of one flow's features. `window` is the length of its windows in rows."""

    def __init__(self, fields: Fields, window: int) -> None:
        self.names = tuple(field.name for field in fields)
        self.threshold = math.log(max(2.0, WINDOWS_PER_FALSE_ALARM * window / STEP))
        """Log evidence at which a drift is announced."""
        self.alarm: Alarm | None = None
        self.history: list[Alarm] = []
        self.alarms = 0
        """Alarms raised."""
        self.evidence: Values = np.zeros(len(self.names))
        """Each feature's largest log evidence at the last look."""
        self.effects: Values = np.zeros(len(self.names))
        """Each feature's effect since the start that speaks loudest for its drift."""
        self.bytes = 8 * STARTS * Bins(fields).size
        """Bytes that the starts may grow to."""
        self._window = window
        self._law = law(fields)
        self._starts: list[Start] = []
        self._looked, self._looked_rows = -math.inf, 0

    def update(self, rows: int, counts: Counts, now: float) -> None:
        """Look at the running totals, unless the last look was just now."""
        if not self._starts:
            self._start(0, np.zeros_like(counts), now)
        if rows - self._looked_rows < LOOK_ROWS or now - self._looked < LOOK_SECONDS * len(self.names):
            return
        self._looked, self._looked_rows = now, rows
        since = by_bin(counts - np.array([start.counts for start in self._starts]), self._law)
        by_start = evidence(since, self._law)
        best = by_start.argmax(axis=0)
        each = np.arange(len(self.names))
        self.evidence = by_start[best, each]
        self.effects = effect(since, self._law)[best, each]
        if self.alarm is None:
            self._watch(rows, since, by_start, now)
        else:
            self._await_recovery(rows, since, by_start, now)
        if not self._starts or rows - self._starts[-1].rows >= STEP:
            self._start(rows, counts.copy(), now)

    def _watch(self, rows: int, since: Counts, by_start: Values, now: float) -> None:
        best = int(np.argmax(together(by_start)))
        effects = effect(since[best], self._law)
        moved = np.where(effects >= LEAST_EFFECT, by_start[best], -np.inf)
        if together(moved) < self.threshold:
            return
        start = self._starts[best]
        self.alarm = Alarm(start.time, now, rows - start.rows, self._named(moved, effects))
        self.alarms += 1
        # What was before the onset has no say any more.
        self._starts = [start]

    def _named(self, moved: Values, effects: Values) -> tuple[Moved, ...]:
        """The features whose evidence would be enough alone, but at least the strongest."""
        order = np.argsort(-moved)
        alone = self.threshold + math.log(len(self.names))
        named = [i for i in order.tolist() if moved[i] >= alone] or order[:1].tolist()
        return tuple(Moved(self.names[i], float(moved[i]), float(effects[i])) for i in named)

    def _await_recovery(self, rows: int, since: Counts, by_start: Values, now: float) -> None:
        """End the alarm when the rows of a window speak for the reference, every feature's; until then name
        what else has moved since its onset."""
        assert self.alarm is not None
        effects = effect(since[0], self._law)
        moved = np.where(effects >= LEAST_EFFECT, by_start[0], -np.inf)
        if moved.max() >= self.threshold:
            self.alarm = msgspec.structs.replace(self.alarm, features=self._named(moved, effects))
        for start, features in zip(self._starts, by_start, strict=True):
            if rows - start.rows >= self._window and features.max() < 0.0:
                self.history = [*self.history, msgspec.structs.replace(self.alarm, ended=now)][-HISTORY:]
                self.alarm = None
                self._starts = [kept for kept in self._starts if kept.rows >= start.rows]
                return

    def _start(self, rows: int, counts: Counts, now: float) -> None:
        """Start another e-process; when there are too many, the one whose neighbours are nearest goes."""
        self._starts.append(Start(rows, now, counts))
        if len(self._starts) > STARTS:
            at = np.array([start.rows for start in self._starts], dtype=np.float64)
            crowded = (at[2:] - at[:-2]) / (rows + 1 - at[1:-1])
            del self._starts[1 + int(np.argmin(crowded))]

    def standing(self) -> list[Moved]:
        """Every feature as it stood at the last look, the strongest evidence first."""
        order = np.argsort(-self.evidence, kind="stable").tolist()
        return [Moved(self.names[i], float(self.evidence[i]), float(self.effects[i])) for i in order]

    def keep(self) -> KeptDrift:
        """What `restore` needs."""
        return KeptDrift(tuple(self._starts), self.alarms, self.alarm, tuple(self.history))

    def restore(self, kept: KeptDrift) -> None:
        """Go on from `kept`, of the same reference."""
        self._starts, self.history = list(kept.starts), list(kept.history)
        self.alarms, self.alarm = kept.alarms, kept.alarm
