"""Which fields an explanation names."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.fitting import fit_detector
from sidecar.baseline.uncompiled import Uncompiled
from sidecar.features import Field, Schema
from sidecar.scoring.detectors import DETECTORS
from sidecar.scoring.explain import ASKED, STAGES, Fields, leave_one_out
from sidecar.scoring.iforest import IForest
from tests.scoring.sets import adbench


def numbers(count: int) -> Schema:
    return Schema(tuple(Field(f"f{i}", "number") for i in range(count)))


def plain(count: int) -> Fields:
    return Fields(numbers(count), np.zeros(count), np.ones(count))


MIXED = Schema(
    (
        Field("age", "number", missing=True),
        Field("country", "constant", ("NL",)),
        Field("paid", "boolean"),
        Field("kind", "category", ("a", "b"), missing=True),
    )
)
"""Columns: age, paid, kind, age missing, kind missing."""


def test_largest_come_first_and_three_are_enough():
    assert plain(5).top([0.1, 3.0, 0.0, 2.0, 1.0]) == ("f1", "f3", "f4")


def test_what_added_nothing_is_not_named():
    assert plain(3).top([0.0, 0.5, -1.0]) == ("f1",)
    assert plain(3).top([0.0, 0.0, 0.0]) == ()


def test_a_field_is_its_value_and_its_being_missing_together():
    fields = Fields(MIXED, np.zeros(5), np.ones(5))
    assert fields.owner.tolist() == [0, 2, 3, 0, 3]
    assert fields.top([1.0, 1.5, 1.1, 1.0, 0.0]) == ("age", "paid", "kind")


def forest(columns: int) -> tuple[IForest, Fields]:
    train = np.random.default_rng(0).normal(size=(500, columns))
    detector = IForest.from_pyod(fit_detector("iforest", train, 0))
    return detector, Fields(numbers(columns), np.median(train, axis=0), np.ones(columns))


@pytest.mark.parametrize("odd", [0, 3, 7])
def test_leaving_out_the_odd_field_lowers_the_score_most(odd):
    detector, fields = forest(8)
    row = fields.typical.copy()
    row[odd] = 9.0
    effect = leave_one_out(detector, row, fields)
    assert effect[odd] == pytest.approx(detector.score(row) - detector.score(fields.typical))
    assert fields.top(effect) == (f"f{odd}",)


def test_a_typical_row_has_nothing_to_explain():
    detector, fields = forest(4)
    assert leave_one_out(detector, fields.typical, fields) == [0.0] * 4


def test_work_is_bounded_and_spent_on_the_farthest():
    detector, fields = forest(ASKED + 40)
    asked = []

    class Counting(IForest):
        def score_many(self, matrix):
            asked.append(len(matrix))
            return detector.score_many(matrix)

    counting = Counting.from_arrays(detector.arrays(), ASKED + 40)
    row = fields.typical + 0.1
    row[ASKED + 30] = 8.0
    effect = leave_one_out(counting, row, fields, lambda: 0.0)
    assert sum(asked) == ASKED + 1
    assert int(np.argmax(effect)) == ASKED + 30


def test_a_slow_detector_is_asked_about_fewer_fields():
    detector, fields = forest(ASKED)
    asked, now = [], [0.0]

    class Slow(IForest):
        def score_many(self, matrix):
            asked.append(len(matrix))
            now[0] += 0.001 * len(matrix)
            return detector.score_many(matrix)

    slow = Slow.from_arrays(detector.arrays(), ASKED)
    row = fields.typical + 0.1
    row[30] = 8.0
    effect = leave_one_out(slow, row, fields, lambda: now[0])
    assert asked == [STAGES[0] + 1]
    assert fields.top(effect) == ("f30",)


@pytest.mark.parametrize("name", [name for name in DETECTORS if name not in ("mad", "qmcd")])
def test_every_detector_explains_an_outlier_within_its_bounds(name):
    """The first fields in any case, more while there is time; and what was planted is among those named. (MAD
    has a single column. QMCD's score falls with no single field.)"""
    train = np.ascontiguousarray(adbench("28_pendigits").clean[:500])
    detector = DETECTORS[name].from_pyod(fit_detector(name, train, 0))
    low, typical, high = np.quantile(train, (0.25, 0.5, 0.75), axis=0)
    names = tuple(Field(f"f{i}", "number") for i in range(train.shape[1]))
    fields = Fields(Schema(names), typical, (high - low) / 2)
    asked = []

    class Watched:
        def score(self, row):
            raise AssertionError("explanations are asked for in batches")

        def score_many(self, matrix):
            asked.append(len(matrix))
            return detector.score_many(matrix)

    row = typical.copy()
    row[5] += 40 * (high - low)[5] + 40
    now = iter(np.arange(0.0, 1.0, 0.0015))
    named = fields.top(leave_one_out(Watched(), row, fields, lambda: float(next(now))))
    assert sum(asked) <= ASKED + 1
    assert asked[0] <= STAGES[0] + 1
    assert "f5" in named


def test_a_detector_of_the_worker_is_bounded_alike():
    """PyOD itself, which takes a millisecond a row: after the first fields its time is up."""
    train = np.ascontiguousarray(adbench("28_pendigits").clean[:200])
    model = Uncompiled(fit_detector("kde", train, 0), alone=True)
    typical, spread = np.median(train, axis=0), train.std(axis=0)
    fields = Fields(Schema(tuple(Field(f"f{i}", "number") for i in range(16))), typical, spread)
    row = typical + 0.1
    row[3] += 30.0 * spread[3]
    asked = []

    class Slow:
        def score(self, row):
            return model.score(row)

        def score_many(self, matrix):
            asked.append(len(matrix))
            return model.score_many(matrix)

    ticks = iter((0.0, 1.0))
    assert fields.top(leave_one_out(Slow(), row, fields, lambda: next(ticks)))[0] == "f3"
    assert asked == [STAGES[0] + 1]
