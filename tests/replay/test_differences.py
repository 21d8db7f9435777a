"""Differences that are known: found where they are, with intervals that hold the truth."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from sidecar.replay.differences import LEAST_CALLS, differences, table
from sidecar.replay.pairs import Pair
from tests.replay.made import call, pairs


def of(found, group, output="y"):
    return next(one for one in found if (one.group, one.output) == (group, output))


def test_equal_answers_do_not_differ_and_the_bound_says_how_surely():
    a = np.arange(400.0)
    found = of(differences(pairs(a, a, a * (1 + 1e-9)), 1e-6), "all")
    assert (found.differing.value, found.differing.low) == (0.0, 0.0)
    assert 0.0 < found.differing.high < 0.05
    assert found.mean.value == pytest.approx(0.0, abs=1e-6)
    assert not found.is_sure


def test_intervals_are_as_wide_as_their_number_wants():
    before, now = np.random.default_rng(1).normal(size=(2, 400))
    found = of(differences(pairs(np.zeros(400), before, now), 1e-6), "all")
    change = now - before
    error = np.std(change, ddof=1) / 400**0.5
    assert found.mean.high - found.mean.value == pytest.approx(norm.isf(0.025 / 2) * error)
    share = found.differing
    assert (share.low, share.high) == pytest.approx(
        binomtest(400, 400).proportion_ci(1 - 0.05 / 2, method="wilson")
    )


def test_a_difference_where_a_feature_is_high_is_found_there():
    random = np.random.default_rng(0)
    a = random.normal(size=800)
    before = random.normal(size=800)
    now = before + np.where(a >= np.quantile(a, 0.75), 0.5, 0.0) + random.normal(0, 0.01, size=800)
    found = differences(pairs(a, before, now), 0.1)
    assert found[0].group == "all"
    assert found[0].mean.value == pytest.approx(0.125, abs=0.02)
    assert found[1].group.endswith("<= a"), "the highest quarter is the surest"
    assert found[1].mean.low <= 0.5 <= found[1].mean.high
    assert found[1].differing.value == 1.0
    low = of(found, next(one.group for one in found if one.group.startswith("a <")))
    assert not low.is_sure


def test_labels_differ_or_not():
    answers = np.array(["cat", "dog"] * 100)
    swapped = np.where(np.arange(200) < 20, np.array(["dog"] * 200), answers)
    found = of(differences(pairs(np.zeros(200), answers, swapped), 1e-6), "all")
    assert found.mean is None
    assert found.differing.value == pytest.approx(0.05)
    assert found.differing.low < 0.05 < found.differing.high
    assert found.is_sure


def test_a_call_counts_for_as_many_as_its_weight_says():
    a = np.zeros(200)
    now = np.where(np.arange(200) < 100, 1.0, 0.0)
    heavy = [
        Pair({**one.call, "weight": 9.0 if i < 100 else 1.0}, one.before, one.now)
        for i, one in enumerate(pairs(a, a, now))
    ]
    found = of(differences(heavy, 1e-6), "all")
    assert found.mean.value == pytest.approx(0.9)
    assert found.differing.value == pytest.approx(0.9)


def test_rows_of_one_call_are_not_independent():
    random = np.random.default_rng(1)
    moved = random.normal(size=50)
    one_each = pairs(np.zeros(50), np.zeros(50), moved)
    twenty_each = [
        Pair(call(i, rows=20, features={"a": [0.0] * 20}), {"y": np.zeros(20)}, {"y": np.full(20, by)})
        for i, by in enumerate(moved)
    ]
    alone, together = (of(differences(found, 1e-6), "all").mean for found in (one_each, twenty_each))
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=1e-6)


def test_intervals_hold_the_truth_as_often_as_they_promise():
    random = np.random.default_rng(2)
    missed = 0
    for _ in range(200):
        change = random.normal(0.3, 1.0, size=60)
        found = differences(pairs(np.zeros(60), np.zeros(60), change), 1e-6)
        mean = of(found, "all").mean
        missed += not mean.low <= 0.3 <= mean.high
    assert missed <= 20, "5 % of 200 are 10"


def test_groups_are_verdicts_models_categories_and_cohorts():
    n = 100
    made = [
        Pair(
            call(
                i,
                verdict="outlier" if i < 20 else "normal",
                version="2" if i < 50 else "1",
                features={"country": [float(i % 2)], "gone": [None]},
                categories={"country": ["de", "fr"]},
            ),
            {"y": np.zeros(1)},
            {"y": np.array([float(i < 20)])},
        )
        for i in range(n)
    ]
    cohorts = {"cohort 3: a = 1": {(f"call-{i}", 0) for i in range(15)}, "cohort 4": {("call-1", 7)}}
    found = differences(made, 1e-6, cohorts)
    groups = {one.group: one for one in found}
    wanted = {"all", "verdict outlier", "verdict normal", "model iris 1", "model iris 2"}
    assert set(groups) == wanted | {"country = de", "country = fr", "gone missing", "cohort 3: a = 1"}
    assert groups["verdict outlier"].mean.value == 1.0
    assert groups["cohort 3: a = 1"].rows == 15
    assert groups["verdict normal"].mean.value == 0.0


def test_small_groups_say_nothing():
    few = pairs(np.zeros(LEAST_CALLS - 1), np.zeros(LEAST_CALLS - 1), np.ones(LEAST_CALLS - 1))
    assert differences(few, 1e-6) == []
    assert differences([], 1e-6) == []
    assert len(table([]).call) == 0
