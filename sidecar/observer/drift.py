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
from sidecar.observer.pace import Pace, pace, scores
from sidecar.observer.sequential import LEAST_EFFECT, STEP, Marginals, Question, Values, together
from sidecar.scoring.bins import Counts

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
    earliest: float = 0.0
    latest: float = 0.0
    """Between these two lies the onset, with a probability of 95 %."""
    good_rows: int = 0
    """Rows before the earliest onset."""
    from_the_first: bool = False
    """Whether it may well have been there with the very first rows."""
    pace: Pace = "unsure"


class Start(msgspec.Struct, frozen=True):
    """The totals as they were when an e-process was started."""

    rows: int
    time: float
    counts: Counts


class Look(msgspec.Struct, frozen=True):
    """What the last look found: see `Detector`. Verdicts hang on it, and the next look may be hours away."""

    evidence: Values
    effects: Values
    strongest: float
    suspicion: float


class KeptDrift(msgspec.Struct, frozen=True):
    """A detector as it is kept on disk."""

    starts: tuple[Start, ...]
    alarms: int
    alarm: Alarm | None
    history: tuple[Alarm, ...]
    path: tuple[Start, ...] = ()
    look: Look | None = None
    """None in what an earlier version kept."""


HISTORY = 20
"""Past alarms kept."""


class Detector:
    """The sequential test of one flow's features, or of another question. `window` is the length of its
    windows in rows; the promise of one test is shared by `tests`. `pause` is `LOOK_SECONDS`, or shorter where
    looks are cheap."""

    def __init__(
        self, about: Fields | Question, window: int, tests: int = 1, pause: float = LOOK_SECONDS
    ) -> None:
        self._question: Question = Marginals(about) if isinstance(about, tuple) else about
        self.names = self._question.names
        self.threshold = math.log(max(2.0, tests * WINDOWS_PER_FALSE_ALARM * window / STEP))
        """Log evidence at which a drift is announced."""
        self.alarm: Alarm | None = None
        self.history: list[Alarm] = []
        self.alarms = 0
        """Alarms raised."""
        self.evidence: Values = np.zeros(len(self.names))
        """Each feature's largest log evidence at the last look."""
        self.effects: Values = np.zeros(len(self.names))
        """Each feature's effect since the start that speaks loudest for its drift."""
        self.strongest = 0.0
        """Log evidence at the last look, averaged over the features since the start where it's largest: an
        alarm when it exceeds the threshold with an effect."""
        self.suspicion = 0.0
        """Log evidence at the last look, averaged over features and starts: enough for one question that was
        asked for another reason, where an alarm would need more."""
        self.bytes = 2 * 8 * STARTS * self._question.size
        """Bytes that the starts may grow to."""
        self._window = window
        self._pause = pause * len(self.names)
        self._starts: list[Start] = []
        self._path: list[Start] = []
        """The starts there were when the alarm was raised, until its pace is settled."""
        self._looked, self._looked_rows = -math.inf, 0

    @property
    def onset_rows(self) -> int:
        """The total of rows when the standing alarm's drift began."""
        return self._starts[0].rows if self._starts else 0

    def begin(self, rows: int, counts: Counts, now: float) -> None:
        """Leave out the rows so far, because they are the reference."""
        self._starts = [Start(rows, now, counts.copy())]
        self._looked_rows = rows

    def update(self, rows: int, counts: Counts, now: float) -> None:
        """Look at the running totals, unless the last look was just now."""
        if not self._starts:
            self._start(0, np.zeros_like(counts), now)
        # A clock that was set back says nothing of when the last look was.
        just_now = 0.0 <= now - self._looked < self._pause
        if rows - self._looked_rows < LOOK_ROWS or just_now:
            return
        self._looked, self._looked_rows = now, rows
        since = self._question.table(counts - np.array([start.counts for start in self._starts]))
        by_start = self._question.evidence(since)
        best = by_start.argmax(axis=0)
        each = np.arange(len(self.names))
        self.evidence = by_start[best, each]
        self.effects = self._question.effect(since)[best, each]
        of_all = together(by_start)
        self.strongest, self.suspicion = float(of_all.max()), float(together(of_all))
        if self.alarm is None:
            self._watch(rows, since, by_start, now)
        else:
            self._await_recovery(rows, since, by_start, now)
        if not self._starts or rows - self._starts[-1].rows >= STEP:
            self._start(rows, counts.copy(), now)

    def _watch(self, rows: int, since: Counts, by_start: Values, now: float) -> None:
        best = int(np.argmax(together(by_start)))
        effects = self._question.effect(since[best])
        moved = np.where(effects >= LEAST_EFFECT, by_start[best], -np.inf)
        if together(moved) < self.threshold:
            return
        start = self._starts[best]
        first, last = self._onset(together(by_start))
        before = self._starts[max(0, first - 1)]
        self.alarm = Alarm(
            start.time,
            now,
            rows - start.rows,
            self._named(moved, effects),
            earliest=before.time,
            latest=self._starts[last + 1].time if last + 1 < len(self._starts) else now,
            good_rows=before.rows,
            from_the_first=first == 0 and before.rows == 0,
        )
        self.alarms += 1
        self._path = self._starts
        # What was before the onset has no say any more.
        self._starts = [start]
        self._settle_pace(rows, since[best])

    def _onset(self, by_start: Values) -> tuple[int, int]:
        """The first and the last start that the onset may lie just before, with 95 % between them.

        Rows before an onset are as likely under every story, so e-values are likelihoods of their starts. A
        start stands for the moments around it, so the interval reaches to its neighbours.
        """
        gaps = np.diff([start.rows for start in self._starts], prepend=self._starts[0].rows - STEP)
        chance = np.exp(by_start - by_start.max()) * np.maximum(gaps, 1)
        up_to = np.cumsum(chance) / chance.sum()
        return int(np.argmax(up_to >= 0.025)), int(np.argmax(up_to >= 0.975))

    def _settle_pace(self, rows: int, since: Counts) -> None:
        """Tell a step from a rise, until a window after the onset; later a rise looks like a step."""
        assert self.alarm is not None
        if not self._path or rows - self._starts[0].rows > max(self._window, 2 * self.alarm.rows):
            self._path = []
            return
        feature = self.names.index(self.alarm.features[0].feature)
        marks = [*self._path, *(start for start in self._starts if start.rows > self._path[-1].rows)]
        totals = np.array([start.counts for start in marks])
        from_onset = self._question.table(self._starts[0].counts)[feature]
        up_to = np.concatenate(
            (self._question.table(totals)[:, feature], (from_onset + since[feature])[None])
        )
        score = scores(since[feature], self._question.before(feature, since[feature]))
        bounds = np.array([*(start.rows for start in marks), rows], dtype=np.float64)
        found = pace(bounds, np.diff(up_to, axis=0), score, self._window)
        if found.pace == "slow":
            self._place(marks[max(0, found.first - 1)], marks[found.best], marks[found.last])
        elif found.pace == "sudden" and self.alarm.pace == "slow":
            # More rows have changed the story, so it began where it was first thought to have begun.
            at = [mark.rows for mark in marks].index(self.onset_rows)
            self._place(marks[max(0, at - 1)], marks[at], marks[min(at + 1, len(marks) - 1)])
        if found.pace != "unsure":
            self.alarm = msgspec.structs.replace(self.alarm, pace=found.pace)

    def _place(self, earliest: Start, likeliest: Start, latest: Start) -> None:
        """Say anew when the standing alarm's drift began."""
        assert self.alarm is not None
        self.alarm = msgspec.structs.replace(
            self.alarm,
            since=likeliest.time,
            earliest=earliest.time,
            latest=latest.time,
            good_rows=earliest.rows,
        )

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
        effects = self._question.effect(since[0])
        moved = np.where(effects >= LEAST_EFFECT, by_start[0], -np.inf)
        if moved.max() >= self.threshold:
            self.alarm = msgspec.structs.replace(self.alarm, features=self._named(moved, effects))
        if self._path:
            self._settle_pace(rows, since[0])
        for start, features in zip(self._starts, by_start, strict=True):
            if rows - start.rows >= self._window and features.max() < 0.0:
                self.history = [*self.history, msgspec.structs.replace(self.alarm, ended=now)][-HISTORY:]
                self.alarm, self._path = None, []
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
        look = Look(self.evidence, self.effects, self.strongest, self.suspicion)
        state = (tuple(self._starts), self.alarms, self.alarm, tuple(self.history), tuple(self._path))
        return KeptDrift(*state, look)

    def restore(self, kept: KeptDrift) -> None:
        """Go on from `kept`, of the same reference."""
        self._starts, self.history = list(kept.starts), list(kept.history)
        self.alarms, self.alarm, self._path = kept.alarms, kept.alarm, list(kept.path)
        if (look := kept.look) is not None:
            self.evidence, self.effects = look.evidence, look.effects
            self.strongest, self.suspicion = look.strongest, look.suspicion
