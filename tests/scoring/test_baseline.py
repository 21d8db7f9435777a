"""What a baseline says of calls: one row and many, rows that cannot be scored, and why."""

from __future__ import annotations

import math
from copy import copy
from functools import cache

import msgspec
import numpy as np
import pytest

from sidecar.baseline.fit import fit
from sidecar.exchange import Features, Payload, Score, Tensor
from sidecar.features import lay_out
from sidecar.scoring.baseline import Baseline, load
from tests.scoring.made import CARDIO, cardio
from tests.scoring.sets import adbench


@cache
def both() -> Baseline:
    return load(cardio("ecod", "iforest"))


@cache
def alone() -> Baseline:
    return load(cardio("ecod"))


every_baseline = pytest.mark.parametrize("of", [both, alone], ids=["two detectors", "one detector"])


def laid(rows: np.ndarray, **unscorable: str) -> Features:
    return Features(rows, rows, {int(row.removeprefix("row")): reason for row, reason in unscorable.items()})


def clean(count: int = 20) -> np.ndarray:
    return adbench(CARDIO).clean[-count:]


def outliers(count: int = 20) -> np.ndarray:
    return adbench(CARDIO).outliers[:count]


def single(name: str) -> Baseline:
    """One of both, by itself: with the same held-out rows."""
    (judge,) = [one for one in both()._judges if one.name == name]
    found = copy(both())
    found._judges, found._conformal = (judge,), judge.conformal
    return found


def same(a: Score, b: Score) -> bool:
    """Equal, also in their NaN, which is equal to nothing."""
    return msgspec.json.encode(a) == msgspec.json.encode(b)


# -- what it is --------------------------------------------------------------------------------------


def test_it_says_what_it_is():
    baseline = both()
    assert baseline.directory == str(cardio("ecod", "iforest"))
    assert baseline.detectors == ("ecod", "iforest")
    assert len(baseline.digest) == 12
    assert baseline.calibration_rows == 399
    assert baseline.finest_p == 1 / 400
    assert baseline.schema.names == tuple(f"x{i}" for i in range(21))
    assert [field.name for field in baseline.reference] == list(baseline.schema.names)


# -- scores ------------------------------------------------------------------------------------------


@every_baseline
def test_one_row_and_many_say_the_same(of):
    rows = np.vstack((clean(), outliers()))
    singly = [of().score(laid(row[None]), 0.01) for row in rows]
    assert all(map(same, of().score_many([laid(row[None]) for row in rows], 0.01), singly))
    assert {score.verdict for score in singly} == {"normal", "outlier"}
    together = of().score(laid(rows), 0.01)
    assert together.row_p == tuple(score.p for score in singly)
    assert together.flagged == tuple(i for i, score in enumerate(singly) if score.verdict == "outlier")
    worst = min(singly, key=lambda score: score.p)
    assert (together.verdict, together.p) == ("outlier", worst.p)


@every_baseline
def test_calls_scored_together_do_not_touch_each_other(of):
    calls = [
        laid(clean(3)),
        laid(outliers(1)),
        laid(clean()[:0]),
        laid(clean(1), row0="missing:x3"),
        laid(outliers(7)),
    ]
    for score, call in zip(of().score_many(calls, 0.01), calls, strict=True):
        assert same(score, of().score(call, 0.01))
    assert of().score_many([], 0.01) == []


@every_baseline
def test_p_is_the_share_of_calibration_rows_at_least_as_odd(of):
    m = of().calibration_rows
    for score in of().score_many([laid(row[None]) for row in clean()], 0.01):
        assert (score.p * (m + 1)) == pytest.approx(round(score.p * (m + 1)))
        assert of().finest_p <= score.p <= 1
        for detector in score.detectors:
            assert of().finest_p <= detector.p <= 1


def test_one_detectors_p_is_the_combined_p():
    score = alone().score(laid(outliers(1)), 0.01)
    assert score.p == score.detectors[0].p


@every_baseline
def test_a_row_far_from_everything_has_the_finest_p(of):
    score = of().score(laid(np.full((1, 21), 1e200)), 0.01)
    assert (score.verdict, score.p, score.flagged) == ("outlier", of().finest_p, (0,))


@every_baseline
def test_a_threshold_below_the_finest_p_never_flags(of):
    rows = np.vstack((np.full((1, 21), 1e9), outliers()))
    assert of().score(laid(rows), of().finest_p * 0.999).verdict == "normal"
    assert of().score(laid(rows), of().finest_p).verdict == "outlier"


# -- rows that cannot be scored ----------------------------------------------------------------------


@every_baseline
def test_an_unscorable_row_has_no_p_and_spoils_no_other(of):
    rows = np.vstack((clean(3), outliers(1)))
    rows[1] = np.nan
    score = of().score(laid(rows, row1="missing:x0"), 0.01)
    whole = of().score(laid(rows[[0, 2, 3]]), 0.01)
    assert math.isnan(score.row_p[1])
    assert [p for p in score.row_p if not math.isnan(p)] == list(whole.row_p)
    assert (score.verdict, score.p, score.detectors) == (whole.verdict, whole.p, whole.detectors)
    assert score.flagged == tuple(row + (row > 0) for row in whole.flagged)


@every_baseline
@pytest.mark.parametrize("rows", [1, 3])
def test_when_no_row_can_be_scored_the_first_reason_is_the_calls(of, rows):
    reasons = {f"row{i}": f"missing:x{i}" for i in range(rows)}
    score = of().score(laid(clean(rows), **reasons), 0.01)
    assert (score.verdict, score.reason, score.detectors) == ("unscored", "missing:x0", ())
    assert math.isnan(score.p)
    assert len(score.row_p) == rows
    assert all(map(math.isnan, score.row_p))


@every_baseline
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_never_a_number(of, value):
    rows = clean(2).copy()
    rows[0, 5] = value
    assert of().score(laid(rows[:1]), 0.01).reason == "not-finite"
    assert math.isnan(of().score(laid(rows), 0.01).row_p[0])


@every_baseline
def test_no_rows_are_unscored(of):
    score = of().score(laid(clean()[:0]), 0.01)
    assert (score.verdict, score.reason, score.row_p) == ("unscored", "no-rows", ())


@every_baseline
def test_other_columns_are_refused(of):
    with pytest.raises(ValueError, match="features have 20 columns, the baseline has 21"):
        of().score(laid(clean()[:, :20]), 0.01)


# -- why ---------------------------------------------------------------------------------------------


def test_the_field_that_is_odd_is_named_by_every_detector():
    row = np.median(adbench(CARDIO).clean, axis=0)[None]
    row[0, 3] = 50.0
    row[0, 7] = 40.0
    score = both().score(laid(row), 1.0)
    assert [set(detector.top[:2]) for detector in score.detectors] == [{"x3", "x7"}, {"x3", "x7"}]


def test_a_detector_that_must_be_asked_is_asked_only_when_a_row_is_flagged():
    flagged, normal = (both().score(laid(outliers(1)), threshold) for threshold in (1.0, 0.0))
    assert [bool(detector.top) for detector in flagged.detectors] == [True, True]
    assert [bool(detector.top) for detector in normal.detectors] == [False, False]


def test_mixed_data_from_file_to_score(tmp_path):
    """Categories, booleans, missing values and a constant: fitted, stored, laid out and scored."""
    rng = np.random.default_rng(0)
    lines = ["amount,kind,paid,age,country"]
    for _ in range(600):
        kind = rng.choice(["card", "cash", "wire"], p=[0.7, 0.25, 0.05])
        age = "" if rng.random() < 0.1 else f"{rng.normal(40, 10):.1f}"
        lines.append(f"{rng.gamma(2):.3f},{kind},{rng.choice(['true', 'false'])},{age},NL")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    fit(tmp_path / "t.csv", tmp_path / "b", ["ecod", "iforest"])
    baseline = load(tmp_path / "b")

    def score(**row) -> Score:
        tensors = tuple(Tensor(name, np.array([value], dtype=object)) for name, value in row.items())
        return baseline.score(lay_out(Payload("test", tensors), baseline.schema), 0.02)

    usual = {"amount": 2.0, "kind": "card", "paid": True, "age": 41, "country": "NL"}
    assert score(**usual).verdict == "normal"
    assert score(**{**usual, "age": None}).verdict == "normal"
    assert score(**{**usual, "amount": None}).reason == "missing:amount"
    odd = score(**{**usual, "kind": "crypto", "amount": 60.0})
    assert odd.verdict == "outlier"
    assert set(odd.detectors[0].top[:2]) == {"kind", "amount"}


def test_rows_of_one_call_may_be_flagged_by_the_share_of_false_ones():
    """Benjamini-Hochberg: a call of clean rows has hardly ever a flagged one, outliers still are."""
    directory = cardio("ecod", "iforest")
    each, together = load(directory), load(directory, together=True)
    clean, odd = adbench(CARDIO).clean[1000:], adbench(CARDIO).outliers
    calls = [Features(rows, rows) for rows in np.array_split(clean, 12)]
    by_each = sum(bool(each.score(call, 0.05).flagged) for call in calls)
    by_share = sum(bool(together.score(call, 0.05).flagged) for call in calls)
    assert by_each == 12
    assert by_share <= 4
    mixed = Features(np.vstack((clean[:20], odd[:40])), np.vstack((clean[:20], odd[:40])))
    found = together.score(mixed, 0.1)
    assert found.flagged
    assert set(found.flagged) <= set(each.score(mixed, 0.1).flagged)
    assert together.score(Features(odd[:1], odd[:1]), 0.05) == each.score(Features(odd[:1], odd[:1]), 0.05)


# -- some detectors, each by its own threshold ---------------------------------------------------------


def test_some_detectors_are_asked_each_by_its_own_threshold():
    rows = np.vstack((clean(20), outliers(20)))
    each = np.column_stack([single(name).score(laid(rows), 0.01).row_p for name in ("ecod", "iforest")])
    found = both().score_by(laid(rows), {"ecod": 0.05, "iforest": 0.005})
    assert found.flagged == tuple(np.flatnonzero((each[:, 0] <= 0.05) | (each[:, 1] <= 0.005)).tolist())
    assert found.row_p == pytest.approx(np.minimum(1.0, 2 * each.min(axis=1)))
    assert (found.verdict, found.p) == ("outlier", min(found.row_p))
    worst = int(np.argmin(found.row_p))
    assert [(one.name, one.p) for one in found.detectors] == [
        ("ecod", pytest.approx(each[worst, 0])),
        ("iforest", pytest.approx(each[worst, 1])),
    ]
    assert all(one.top for one in found.detectors)
    one = both().score_by(laid(rows), {"ecod": 0.05})
    assert one.row_p == pytest.approx(each[:, 0])
    assert [detector.name for detector in one.detectors] == ["ecod"]


def test_a_detector_that_is_not_there_and_rows_that_cannot_be_scored():
    missing = both().score_by(laid(clean(2)), {"ecod": 0.01, "lof": 0.01})
    assert (missing.verdict, missing.reason) == ("unscored", "no-detector:lof")
    some = both().score_by(laid(outliers(3), row1="too-wide"), {"ecod": 0.5})
    assert math.isnan(some.row_p[1])
    assert 1 not in some.flagged
    none = both().score_by(laid(outliers(2), row0="too-wide", row1="too-wide"), {"ecod": 0.5})
    assert (none.verdict, none.reason) == ("unscored", "too-wide")
