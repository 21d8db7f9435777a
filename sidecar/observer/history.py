"""What became of every flow: its verdicts as they changed, its windows when they were closed, and its course.

    Change   a verdict on a flow that differs from the one before
    Closed   a flow whose windows were closed, with its last verdict and each input beside the reference
    Point    running totals and evidence of a flow at one moment; so that a course can be drawn

Bounded: the oldest changes and closed windows go, and a course that gets long keeps every other point.
Counterparts: `sidecar.observer.traffic` closes windows, `sidecar.observer.verdict` judges; `sidecar report`
draws it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec

from sidecar.observer.calls import ADDED, DURATION, quantile
from sidecar.observer.drift import Alarm, Detector
from sidecar.observer.routes import OVERFLOW, Key
from sidecar.observer.statistics import compare
from sidecar.observer.traffic import KEYS, Ended, Flow, Traffic
from sidecar.observer.verdict import Verdict, verdict

CHANGES = 500
"""Changes kept."""

CLOSED = 50
"""Closed windows kept."""

FIELDS = 100
"""Inputs of closed windows that are kept, the most distant from the reference first."""

POINTS = 300
"""Points of a course at most. When it's full every other one goes."""

LOOK_SECONDS = 1.0
"""Between looks at verdicts. Alarms are rarer, and a look takes longer than a call."""

FINEST_SECONDS = 5.0
"""Between the points of a course that has just begun: its first minutes are looked at closely."""


class Change(msgspec.Struct, frozen=True):
    """A flow's verdict from `time` on, with the numbers that led to it. Evidence is natural logarithm."""

    time: float
    key: Key
    verdict: str
    subject: str
    part: str
    since: float
    inputs: str
    outputs: str
    evidence: tuple[float | None, ...]
    """Of inputs, their relations and outputs; None where there's no test."""
    thresholds: tuple[float | None, ...]
    """What each of them would have to reach for an alarm."""
    effect: float
    """Share of rows of the subject that went to other bins."""


class Field(msgspec.Struct, frozen=True):
    """One input of a closed window beside its reference: total variation is the share of rows elsewhere."""

    name: str
    rows: int
    total_variation: float
    missing: float
    mean: float
    reference_mean: float


class Closed(msgspec.Struct, frozen=True):
    """A flow whose windows were closed. Times are Unix seconds; `alarms` those it ever had."""

    key: Key
    why: str
    opened: float
    closed: float
    last: float
    calls: int
    rows: int
    flagged: int
    verdict: str
    subject: str
    alarms: tuple[Alarm, ...]
    fields: tuple[Field, ...]


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A flow at one moment: totals since its start, and log evidence (None: no test)."""

    time: float
    calls: int
    failed: int
    rows: int
    flagged: int
    inputs: float | None
    relations: float | None
    outputs: float | None
    latency: tuple[float | None, ...] = ()
    """Of the calls in the window, in seconds: median and 99th percentile of the whole call, median of what
    the sidecar added."""


class KeptHistory(msgspec.Struct, frozen=True):
    """History as it is kept on disk."""

    changes: tuple[Change, ...]
    closed: tuple[Closed, ...]
    courses: tuple[tuple[Key, float, tuple[Point, ...]], ...]


class Course:
    """The course of one flow, ever coarser."""

    def __init__(self, every: float = FINEST_SECONDS, points: tuple[Point, ...] = ()) -> None:
        self.every = every
        self.points = list(points)

    def update(self, flow: Flow, now: float) -> None:
        """Add a point if it's time for one; after a clock was set back it is."""
        if self.points and 0.0 <= now - self.points[-1].time < self.every:
            return
        calls = flow.verdicts.total()
        failed = sum(count for (status, _), count in flow.verdicts.items() if status >= 500)
        totals = (now, calls, failed, flow.rows, flow.flagged)
        self.points.append(Point(*totals, *_evidence(flow), _latency(flow, now)))
        if len(self.points) >= POINTS:
            self.points, self.every = self.points[::2], 2 * self.every


class History:
    """What became of every flow."""

    def __init__(self) -> None:
        self.changes: deque[Change] = deque(maxlen=CHANGES)
        self.closed: deque[Closed] = deque(maxlen=CLOSED)
        self.courses: dict[Key, Course] = {}
        self._latest: dict[Key, tuple[str, str]] = {}
        self._looked = 0.0

    def update(self, traffic: Traffic, now: float) -> None:
        """Look at every flow, unless the last look was just now; and take over those that ended."""
        while traffic.ended:
            self._close(traffic.ended.popleft(), now)
        if 0.0 <= now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for key, flow in traffic.flows.items():
            if key != OVERFLOW:
                self._look(key, flow, now)

    def _look(self, key: Key, flow: Flow, now: float) -> None:
        found = verdict(flow)
        if (found.name, found.subject) != self._latest.get(key, ("unknown", "")):
            self._latest[key] = found.name, found.subject
            self.changes.append(_change(key, flow, found, now))
        self.courses.setdefault(key, Course()).update(flow, now)

    def _close(self, ended: Ended, now: float) -> None:
        key, flow = ended.key, ended.flow
        found = verdict(flow)
        self._latest.pop(key, None)
        if len(self.courses) > 2 * KEYS:
            # The course of what ended stays for the report, as long as there's room.
            self.courses.pop(key, None)
        self.closed.append(
            Closed(
                key,
                ended.why,
                flow.opened,
                now,
                flow.last,
                flow.verdicts.total(),
                flow.rows,
                flow.flagged,
                found.name,
                found.subject,
                tuple(sorted(_alarms(flow), key=lambda alarm: alarm.raised)),
                tuple(sorted(_fields(flow), key=lambda one: -one.total_variation)[:FIELDS]),
            )
        )

    def keep(self) -> KeptHistory:
        """What `restore` needs."""
        courses = tuple((key, one.every, tuple(one.points)) for key, one in self.courses.items())
        return KeptHistory(tuple(self.changes), tuple(self.closed), courses)

    def restore(self, kept: KeptHistory) -> None:
        """Go on from a snapshot."""
        self.changes.extend(kept.changes)
        self.closed.extend(kept.closed)
        self.courses = {key: Course(every, points) for key, every, points in kept.courses}
        self._latest = {change.key: (change.verdict, change.subject) for change in kept.changes}
        for closed in kept.closed:
            if all(change.time <= closed.closed for change in kept.changes if change.key == closed.key):
                self._latest.pop(closed.key, None)


def _change(key: Key, flow: Flow, found: Verdict, now: float) -> Change:
    tests = (flow.drift, flow.relations, flow.output_drift)
    alarm = next((test.alarm for test in (*tests, _concept(flow)) if test and test.alarm), None)
    return Change(
        now,
        key,
        found.name,
        found.subject,
        found.part,
        found.since,
        found.inputs,
        found.outputs,
        _evidence(flow),
        tuple(test.threshold if test is not None else None for test in tests),
        alarm.features[0].effect if alarm is not None else 0.0,
    )


def _latency(flow: Flow, now: float) -> tuple[float | None, ...]:
    sample = flow.calls.snapshot(now).summary.sample.rows
    wanted = ((DURATION, 0.5), (DURATION, 0.99), (ADDED, 0.5))
    return tuple(quantile(sample[:, column], at) for column, at in wanted)


def _evidence(flow: Flow) -> tuple[float | None, float | None, float | None]:
    tests = (flow.drift, flow.relations, flow.output_drift)
    inputs, relations, outputs = (test.strongest if test is not None else None for test in tests)
    return inputs, relations, outputs


def _concept(flow: Flow) -> Detector | None:
    """The test of the truth, where there are labels to test."""
    return flow.performance.concept if flow.performance is not None else None


def _alarms(flow: Flow) -> Iterator[Alarm]:
    for test in (flow.drift, flow.relations, flow.output_drift, _concept(flow)):
        if test is not None:
            yield from test.history
            if test.alarm is not None:
                yield test.alarm


def _fields(flow: Flow) -> Iterator[Field]:
    """Each input over the whole time, beside its reference."""
    if flow.inputs is None:
        return
    total = flow.inputs.total
    for i, (field, where) in enumerate(zip(flow.inputs.fields, flow.inputs.bins.slices, strict=True)):
        counts = total.counts[where]
        told = compare(field, counts, total.sample.rows[:, i])
        if told:
            missing = float(counts[-1]) / max(1, total.rows)
            mean = float(total.moments.mean[i])
            distance = told["total_variation"].effect
            yield Field(field.name, total.rows, distance, missing, mean, field.mean)
