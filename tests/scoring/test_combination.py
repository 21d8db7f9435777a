"""Many detectors -> one p-value that holds, however much the detectors depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sidecar.scoring.baseline import combined
from sidecar.scoring.calibration import Conformal, Surprise
from sidecar.scoring.combination import COMBINATIONS

every_combination = pytest.mark.parametrize("name", COMBINATIONS)
raw_scores = arrays(
    float, st.tuples(st.integers(2, 25), st.integers(2, 4)), elements=st.integers(-4, 4).map(float)
)


@every_combination
@given(raw=raw_scores, threshold=st.floats(0, 1))
def test_the_guarantee_holds_for_any_dependence(name, raw, threshold):
    """As for one detector: of exchangeable rows, each against the others, at most the share t has p <= t."""
    surprises = [Surprise(np.linspace(-3, 2, 7)) for _ in raw.T]
    statistic = combined(surprises, COMBINATIONS[name], raw)
    p = [Conformal(np.delete(statistic, i)).p(t) for i, t in enumerate(statistic.tolist())]
    assert np.mean(np.array(p) <= threshold) <= threshold + 1e-12


@every_combination
@given(raw=raw_scores)
def test_odder_to_one_detector_is_never_less_odd_to_all(name, raw):
    surprises = [Surprise(np.linspace(-3, 2, 7)) for _ in raw.T]
    before = combined(surprises, COMBINATIONS[name], raw)
    raw[:, 0] += 1.0
    assert (combined(surprises, COMBINATIONS[name], raw) >= before - 1e-12).all()


@every_combination
def test_shape_is_one_statistic_a_row(name):
    assert COMBINATIONS[name](np.ones((5, 3))).shape == (5,)


def test_a_single_detector_is_its_own_statistic():
    raw = np.array([[3.0], [1.0]])
    assert combined([Surprise(np.arange(3.0))], COMBINATIONS["fisher"], raw).tolist() == [3.0, 1.0]
