"""p-values: the formula, the exact guarantee, and one scale for all detectors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.scoring.calibration import Conformal, Surprise, WeightedConformal

scores = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e12, 1e12))
samples = st.lists(scores, min_size=1, max_size=40).map(np.array)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=40), st.integers(-10, 10))
def test_p_is_the_share_that_is_at_least_as_odd(held_out, score):
    expected = (1 + sum(other >= score for other in held_out)) / (len(held_out) + 1)
    assert Conformal(np.array(held_out, dtype=float)).p(float(score)) == expected


@given(samples, samples)
def test_p_of_many_is_p_of_each(held_out, new):
    conformal = Conformal(held_out)
    assert conformal.p_many(new).tolist() == [conformal.p(score) for score in new.tolist()]


@given(st.lists(scores, min_size=2, max_size=40).map(np.array), st.floats(0, 1))
def test_the_guarantee_holds_exactly(together, threshold):
    """Exchangeable rows: each could have been the new one, with equal chance. So the share of them whose
    p-value is at most t, each against all the others, is P(p <= t): it is never more than t."""
    p = [Conformal(np.delete(together, i)).p(score) for i, score in enumerate(together.tolist())]
    assert np.mean(np.array(p) <= threshold) <= threshold + 1e-12


@given(st.lists(st.integers(), min_size=2, max_size=40, unique=True), st.integers(1, 39))
def test_without_ties_it_is_as_sharp_as_it_can_be(ranks, k):
    together = np.argsort(ranks).astype(float)
    n = together.size
    p = np.array([Conformal(np.delete(together, i)).p(score) for i, score in enumerate(together.tolist())])
    assert (p <= min(k, n) / n + 1e-12).sum() == min(k, n)


def test_share_flagged_given_one_calibration_set_has_the_law_of_the_docstring():
    """Beta(k, m + 1 - k): its mean and its spread, over many calibration sets of the normal law."""
    from scipy.stats import beta, norm

    rng = np.random.default_rng(0)
    m, k = 199, 2
    shares = [norm.sf(np.sort(rng.normal(size=m))[-k]) for _ in range(4000)]
    law = beta(k, m + 1 - k)
    assert np.mean(shares) == pytest.approx(law.mean(), rel=0.05)
    assert np.std(shares) == pytest.approx(law.std(), rel=0.05)
    assert law.mean() == pytest.approx(0.01)


def test_ties_by_rounding_count_as_at_least_as_odd():
    conformal = Conformal(np.array([1.0, 2.0, 3.0]))
    assert conformal.p(3.0) == conformal.p(3.0 * (1 + 1e-12)) == 2 / 4
    assert conformal.p(3.0 * (1 + 1e-6)) == conformal.p(math.inf) == 1 / 4
    assert conformal.p(-math.inf) == 1.0


def test_one_huge_score_does_not_make_the_others_ties():
    conformal = Conformal(np.array([1.0, 2.0, 3.0, 1e15]))
    assert [conformal.p(score) for score in (0.5, 1.5, 2.5, 3.5)] == [1.0, 4 / 5, 3 / 5, 2 / 5]


def test_nothing_is_finer_than_the_finest():
    conformal = Conformal(np.arange(99.0))
    assert conformal.finest == conformal.p(1e300) == 0.01


@pytest.mark.parametrize(
    "wrong", [np.array([]), np.array([1.0, np.nan]), np.array([np.inf]), np.zeros((2, 2))]
)
@pytest.mark.parametrize("kind", [Conformal, Surprise])
def test_scores_that_cannot_calibrate_are_refused(kind, wrong):
    with pytest.raises(ValueError, match="finite numbers"):
        kind(wrong)


# -- surprise ----------------------------------------------------------------------------------------


@given(samples, st.lists(scores, min_size=2, max_size=20))
def test_surprise_never_falls_and_one_is_many(standard, new):
    surprise = Surprise(standard)
    rising = np.sort(np.array(new))
    nats = surprise.many(rising)
    assert (np.diff(nats) >= -1e-12).all()
    assert np.isfinite(nats).all()
    assert [surprise.one(score) for score in rising.tolist()] == pytest.approx(nats.tolist(), abs=1e-12)


def test_surprise_is_minus_log_of_the_share_and_goes_on_beyond():
    surprise = Surprise(np.arange(1.0, 100.0))
    assert surprise.one(99.0) == pytest.approx(-math.log(1 / 100))
    assert surprise.one(50.0) == pytest.approx(-math.log(50 / 100))
    assert surprise.one(99.0) < surprise.one(100.0) < surprise.one(1e6) < surprise.one(1e300) < 1000
    assert surprise.one(math.inf) == math.inf


@pytest.mark.parametrize(
    "standard", [np.full(20, 5.0), np.zeros(20), np.array([3.0]), np.array([1.0] * 19 + [2.0])]
)
def test_surprise_of_tied_scores_still_rises_beyond_them(standard):
    surprise = Surprise(standard)
    assert (
        surprise.one(standard.max()) < surprise.one(standard.max() + 1.0) < surprise.one(standard.max() + 2.0)
    )


# -- weighted --------------------------------------------------------------------------------------


def test_weighted_p_is_the_sum_that_the_paper_says():
    rng = np.random.default_rng(3)
    held_out, weights = rng.normal(size=57).round(1), rng.gamma(1.0, size=57) + 0.01
    conformal = WeightedConformal(held_out, weights)
    new = weights.max()
    scores = np.concatenate((rng.normal(size=40), held_out[:5], [-9.0, 9.0, np.inf]))
    expected = [(weights[held_out >= score - 1e-9].sum() + new) / (weights.sum() + new) for score in scores]
    assert conformal.p_many(scores) == pytest.approx(expected, rel=1e-12)
    assert [conformal.p(score) for score in scores] == pytest.approx(expected, rel=1e-12)
    assert conformal.finest == pytest.approx(new / (weights.sum() + new))


def test_equal_weights_change_nothing():
    held_out = np.random.default_rng(0).normal(size=99)
    plain, weighted = Conformal(held_out), WeightedConformal(held_out, np.full(99, 0.3))
    scores = np.linspace(-4, 4, 50)
    assert weighted.p_many(scores) == pytest.approx(plain.p_many(scores), rel=1e-12)
    assert weighted.finest == pytest.approx(plain.finest)


def test_after_a_covariate_shift_weights_keep_the_promise_and_their_absence_breaks_it():
    """Reference from a normal, traffic from one moved by one; the score is the value itself."""
    rng = np.random.default_rng(0)
    unweighted, weighted = [], []
    for _ in range(60):
        held_out, traffic = rng.normal(size=2000), rng.normal(1.0, size=500)
        weights = np.exp(np.minimum(held_out, 3.5) - 0.5)  # the ratio of the densities
        unweighted.append((Conformal(held_out).p_many(traffic) <= 0.1).mean())
        weighted.append((WeightedConformal(held_out, weights).p_many(traffic) <= 0.1).mean())
    assert np.mean(unweighted) > 0.3
    assert 0.06 < np.mean(weighted) <= 0.1


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, np.nan], [1.0, np.inf]])
def test_what_is_no_weight_is_refused(weights):
    with pytest.raises(ValueError, match="a positive number for each"):
        WeightedConformal(np.array([1.0, 2.0]), np.array(weights))
