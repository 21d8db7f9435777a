"""Many detectors -> one p-value that holds, however much the detectors depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.utils import shuffle

from sidecar.scoring.calibration import Conformal, Surprise
from sidecar.scoring.combination import COMBINATIONS, combined

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


@pytest.mark.parametrize("detectors", [4, 6])
def test_they_are_those_of_pyod(detectors):
    """PyOD shuffles the detectors first; given the columns in the order that this undoes, its buckets are
    ours."""
    pytest.importorskip("combo", reason="pyod.models.combination is made of the package combo")
    from pyod.models import combination

    scores = np.random.default_rng(0).normal(size=(40, detectors))
    order = np.argsort(shuffle(list(range(detectors)), random_state=3))
    buckets = {"n_buckets": detectors // 2, "random_state": 3}
    expected = {
        "average": combination.average(scores),
        "maximum": combination.maximization(scores),
        "aom": combination.aom(scores[:, order], **buckets),
        "moa": combination.moa(scores[:, order], **buckets),
    }
    for name, theirs in expected.items():
        assert np.allclose(COMBINATIONS[name](scores), theirs, rtol=1e-14, atol=1e-15)


def test_an_odd_detector_has_a_bucket_of_its_own():
    surprise = np.array([[1.0, 3.0, 5.0]])
    assert COMBINATIONS["aom"](surprise).tolist() == [4.0]
    assert COMBINATIONS["moa"](surprise).tolist() == [5.0]


@every_combination
def test_shape_is_one_statistic_a_row(name):
    assert COMBINATIONS[name](np.ones((5, 3))).shape == (5,)


def test_a_single_detector_is_its_own_statistic():
    raw = np.array([[3.0], [1.0]])
    assert combined([Surprise(np.arange(3.0))], COMBINATIONS["fisher"], raw).tolist() == [3.0, 1.0]
