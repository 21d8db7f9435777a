"""Nothing that differs from PyOD is saved."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.agreement import HELD_OUT, compare, ends, relative
from sidecar.baseline.fitting import fit_detector
from sidecar.errors import BaselineError
from sidecar.scoring.ecod import Ecod

ROWS = np.random.default_rng(0).normal(size=(200, 4))
TRAIN, HELD = ROWS[:150], ROWS[150:]


def test_equal_scores_pass():
    model = fit_detector("ecod", TRAIN, 0)
    difference, compared = compare("ecod", Ecod.from_pyod(model), model, TRAIN, HELD)
    assert 0 <= difference <= 1e-14
    assert compared == HELD_OUT + 5


def test_rows_beyond_the_ends_are_numbers_however_far_apart_these_are():
    train = ROWS / np.abs(ROWS).max() * [1.7e308, 1e308, 1e307, 1.0]
    assert np.isfinite(ends(train)).all()


@pytest.mark.parametrize("method", ["score", "score_many"])
@pytest.mark.parametrize("wrong", [lambda score: score * (1 + 1e-8), lambda score: score * np.nan])
def test_any_difference_is_refused_wherever_it_is(method, wrong):
    model = fit_detector("ecod", TRAIN, 0)
    detector = Ecod.from_pyod(model)
    right = getattr(detector, method)
    setattr(detector, method, lambda rows: wrong(right(rows)))
    with pytest.raises(BaselineError, match=r"ecod: compiled scores differ from PyOD's by (1\.0e-08|nan)"):
        compare("ecod", detector, model, TRAIN, HELD)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (1.0, 1.0, 0.0),
        (0.0, 0.0, 0.0),
        (2.0, 1.0, 0.5),
        (-1.0, 1.0, 2.0),
        (0.0, 1e-300, 1.0),
        (np.inf, np.inf, 0.0),
    ],
)
def test_relative_difference(ours, theirs, expected):
    assert relative(np.array([ours]), np.array([theirs])) == expected
    assert relative(np.array([theirs]), np.array([ours])) == expected


@pytest.mark.parametrize(("ours", "theirs"), [(np.nan, 1.0), (1.0, np.nan), (np.nan, np.nan), (np.inf, 1.0)])
def test_what_is_no_number_is_never_small(ours, theirs):
    assert not relative(np.array([ours]), np.array([theirs])) <= 1e-9
