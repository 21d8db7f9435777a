"""Real digits: what became of a flow can be told afterwards, also after a restart."""

from itertools import groupby

import numpy as np
import pytest

from sidecar.observer import history as module
from sidecar.observer.history import Course, KeptHistory
from sidecar.observer.observer import Observer, State
from sidecar.observer.snapshot import decode, encode
from sidecar.observer.traffic import Flow
from tests.observer.real import draw
from tests.observer.talk import of_rows
from tests.observer.test_observer import Clock, settings

WINDOW = 500


def answered(observer, baseline, rows, version="1"):
    for start in range(0, len(rows), 10):
        part = rows[start : start + 10]
        observer.clock.now += 0.1
        observer.take_in([of_rows(start, part, baseline.digest, version=version)])


def moved(rows, seed):
    found = draw(rows, seed=seed)
    found[:, 12] += 1.0
    return found


@pytest.fixture
def observer(baseline):
    return Observer(settings(baseline=baseline.directory, window_rows=WINDOW), Clock())


def test_a_change_of_verdict_is_kept_with_its_numbers_and_so_is_its_end(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    began = observer.clock.now
    answered(observer, baseline, moved(600, seed=2))
    answered(observer, baseline, draw(3000, seed=3))
    changes = list(observer.history.changes)
    # How columns hang together may be tested for a little longer than each of them.
    assert [verdict for verdict, _ in groupby(one.verdict for one in changes)] == [
        "stable",
        "feature-drift",
        "stable",
    ]
    drift = changes[1]
    assert drift.subject == "x7"
    assert began <= drift.time <= began + 4.0
    assert (drift.part, drift.inputs) == ("feature", "moved")
    assert abs(drift.since - began) < 1.0
    assert drift.evidence[0] >= drift.thresholds[0]
    assert drift.effect > 0.05


def test_closed_windows_stay_with_their_verdict_and_the_inputs_beside_the_reference(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    answered(observer, baseline, moved(600, seed=2))
    answered(observer, baseline, draw(800, seed=3), version="2")
    (closed,) = observer.history.closed
    assert (closed.key.version, closed.why, closed.rows) == ("1", "other-version", 2100)
    assert (closed.verdict, closed.subject) == ("feature-drift", "x7")
    assert [alarm.features[0].feature for alarm in closed.alarms][:1] == ["x7"]
    assert closed.fields[0].name == "x7", "the one farthest from the reference first"
    assert closed.fields[0].total_variation > 3 * closed.fields[-1].total_variation
    assert closed.opened < closed.last < closed.closed
    assert observer.drift_state() == "stable", "what is closed is no drift of today"
    changes = [(one.key.version, one.verdict) for one in observer.history.changes]
    assert changes == [("1", "stable"), ("1", "feature-drift"), ("2", "stable")]


def test_history_outlives_a_restart_and_says_nothing_twice(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    answered(observer, baseline, moved(600, seed=2))
    again = Observer(observer.settings, observer.clock)
    again.restore(decode(encode(observer.keep()), State))
    answered(again, baseline, moved(200, seed=4))
    assert list(again.history.changes) == list(observer.history.changes)
    (course,) = again.history.courses.values()
    assert course.points[0] == next(iter(observer.history.courses.values())).points[0]


def test_a_course_is_bounded_and_covers_all_the_time():
    course, flow = Course(), Flow(100, 60.0)
    for i in range(50_000):
        flow.rows = i
        course.update(flow, 10.0 * i)
    assert len(course.points) < module.POINTS
    assert course.points[0].time == 0.0
    assert course.points[-1].time > 490_000.0
    gaps = np.diff([point.time for point in course.points])
    assert gaps.max() <= 2 * course.every
    assert [point.rows * 10.0 for point in course.points] == [point.time for point in course.points]


def test_a_clock_that_is_set_back_ends_no_course(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    (course,) = observer.history.courses.values()
    points, changes = len(course.points), len(observer.history.changes)
    observer.clock.now -= 3600.0
    answered(observer, baseline, moved(600, seed=2))
    assert len(course.points) > points
    assert len(observer.history.changes) > changes


def test_changes_and_closed_windows_are_bounded(baseline):
    observer = Observer(settings(baseline=baseline.directory, window_rows=20), Clock())
    kept = observer.history
    answered(observer, baseline, draw(50, seed=1))
    one = kept.changes[0]
    kept.changes.extend([one] * 10_000)
    assert len(kept.changes) == module.CHANGES
    for i in range(60):
        answered(observer, baseline, draw(30, seed=i), version=str(i))
    assert len(kept.closed) <= module.CLOSED
    assert len(kept.courses) <= 2 * module.KEYS + 1
    assert isinstance(kept.keep(), KeptHistory)
