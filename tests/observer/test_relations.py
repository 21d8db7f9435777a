"""Real digits whose columns come from different digits: each column alone looks as it did."""

import numpy as np
import pytest

from sidecar.baseline.reference import describe
from sidecar.features import Field, Schema
from sidecar.observer import relations as module
from sidecar.observer.classifier import reference as together
from sidecar.observer.drift import Detector
from sidecar.observer.relations import KeptRelations, Relations
from sidecar.observer.snapshot import decode, encode
from sidecar.scoring.bins import Bins
from tests.observer.real import NAMES, draw, reference

ROWS = draw(3000, seed=11)
FIELDS = reference(ROWS)
KNOWN = together(FIELDS, Bins(FIELDS).within(ROWS))
WINDOW = 1000


def mixed_up(rows, *features):
    """The rows with some columns from other rows."""
    rows = rows.copy()
    for feature in features:
        rows[:, feature] = np.random.default_rng(feature).permutation(rows[:, feature])
    return rows


class Stream:
    """A hundred rows a second."""

    def __init__(self, test=None):
        self.test = test or Relations(FIELDS, KNOWN, WINDOW)

    @property
    def now(self):
        return 1000.0 + self.test.rows / 100

    def play(self, rows, batch=25):
        """Feed rows; how many until the state changed, or None."""
        before = self.test.alarm is not None
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            self.test.update(part, self.now)
            if (self.test.alarm is not None) != before:
                return start + len(part)
        return None


@pytest.mark.parametrize("seed", range(3))
def test_a_long_stationary_stream_raises_no_alarm(seed):
    stream = Stream()
    highest = -np.inf
    for i in range(100):
        assert stream.play(draw(250, seed=1000 * seed + i)) is None
        highest = max(highest, stream.test.strongest)
    assert highest < stream.test.threshold / 1.5, "not by a hair's breadth"


@pytest.mark.parametrize("feature", [1, 6, 12])
def test_a_column_of_other_rows_is_found_and_named_though_it_looks_as_it_did(feature):
    stream, alone = Stream(), Detector(FIELDS, WINDOW)
    stream.play(draw(1500, seed=1))
    rows = mixed_up(draw(2000, seed=2), feature)
    began = stream.now
    assert stream.play(rows) <= 600
    alarm = stream.test.alarm
    assert alarm.features[0].feature == NAMES[feature]
    assert all(NAMES[feature] in one.columns for one in stream.test.related[:3])
    assert alarm.earliest <= began <= alarm.latest
    assert abs(alarm.since - began) <= 1.5
    assert not alarm.from_the_first
    assert alarm.good_rows >= 1000
    alone.update(2000, Bins(FIELDS).counts(rows), 1.0)
    assert alone.alarm is None, "each column alone is as in the reference"


def test_one_relation_that_changes_names_both_columns():
    random = np.random.default_rng(5)

    def rows(count, rho):
        found = random.normal(size=(count, 3))
        found[:, 1] = rho * found[:, 0] + np.sqrt(1 - rho**2) * found[:, 1]
        return found

    base = rows(3000, 0.8)
    fields = describe(base, Schema(tuple(Field(name, "number") for name in ("age", "income", "hour"))))
    stream = Stream(Relations(fields, together(fields, Bins(fields).within(base)), WINDOW))
    assert stream.play(rows(1500, 0.8)) is None
    assert stream.play(rows(2000, 0.2)) <= 700
    assert set(stream.test.alarm.features[0].feature.split(" ~ ")) == {"age", "income"}
    found = stream.test.related[0]
    assert (found.before, found.since) == pytest.approx((0.8, 0.2), abs=0.15)


def test_a_stream_that_never_matched_has_no_good_rows():
    stream = Stream()
    assert stream.play(mixed_up(draw(2000, seed=3), 6)) <= 800
    assert stream.test.alarm.from_the_first
    assert stream.test.alarm.good_rows == 0
    assert stream.test.alarm.since == 1000.0


def test_recovery_ends_the_alarm_history_keeps_it_and_the_next_is_found():
    stream = Stream()
    stream.play(draw(1500, seed=1))
    stream.play(mixed_up(draw(2000, seed=2), 6))
    raised = stream.test.alarm
    assert stream.play(mixed_up(draw(2000, seed=4), 6)) is None, "it lasts as long as the drift"
    back = stream.play(draw(5000, seed=5))
    assert 0.8 * WINDOW <= back <= 2.5 * WINDOW
    assert [(past.since, past.ended) for past in stream.test.history] == [(raised.since, stream.now - 0.25)]
    assert stream.test.related == ()
    assert stream.play(draw(3000, seed=6)) is None, "and stays ended"
    assert stream.play(mixed_up(draw(3000, seed=7), 12)) is not None
    assert stream.test.alarms == 2


def test_a_restored_test_goes_on_as_if_nothing_had_happened():
    stream = Stream()
    stream.play(draw(1500, seed=1))
    rows = mixed_up(draw(2000, seed=2), 6)
    stream.play(rows[:100])
    again = Stream(Relations(FIELDS, KNOWN, WINDOW))
    again.test.restore(decode(encode(stream.test.keep()), KeptRelations))
    assert again.play(rows[100:]) == stream.play(rows[100:])
    assert again.test.alarm == stream.test.alarm
    assert again.test.related == stream.test.related


def test_stretches_are_few_and_hold_every_row():
    stream = Stream()
    stream.play(draw(12_000, seed=8))
    stretches = stream.test.keep().stretches
    assert len(stretches) <= module.STRETCHES
    assert sum(one.rows for one in stretches) == stream.test.rows == 12_000
    ends = [one.before + one.rows for one in stretches]
    assert [one.before for one in stretches[1:]] == ends[:-1]
    assert sum(one.total.nbytes for one in stretches) <= stream.test.bytes


def test_before_anything_is_learned_nothing_is_said():
    test = Relations(FIELDS, KNOWN, WINDOW)
    test.update(draw(100, seed=9), 1.0)
    assert (test.threshold, test.strongest, test.suspicion, test.alarm) == (None, 0.0, 0.0, None)
