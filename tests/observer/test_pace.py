"""A step and a rise are told apart in rows drawn from known laws; where they can't be, nothing is said."""

from itertools import pairwise

import numpy as np
import pytest

from sidecar.observer.pace import Course, pace, scores

BEFORE = np.full(10, 0.1)
AFTER = np.array([0.005, 0.01, 0.02, 0.04, 0.08, 0.1, 0.13, 0.17, 0.2, 0.245])
WINDOW = 1000


def course(risen, seed=0, step=50, window=WINDOW):
    """The course of a stream in which the share `risen` of each row's law is that after the drift."""
    random = np.random.default_rng(seed)
    codes = np.array([random.choice(10, p=(1 - share) * BEFORE + share * AFTER) for share in risen])
    bounds = np.arange(0, len(codes) + 1, step)
    stretches = np.array([np.bincount(codes[a:b], minlength=10) for a, b in pairwise(bounds)])
    since = stretches[stretches.shape[0] // 2 :].sum(axis=0)
    return pace(bounds.astype(float), stretches, scores(since, BEFORE), window), bounds


@pytest.mark.parametrize("seed", range(4))
def test_a_step_is_sudden(seed):
    found, _ = course(np.repeat([0.0, 1.0], [1500, 1000]), seed)
    assert found == Course("sudden")


@pytest.mark.parametrize("seed", range(4))
def test_a_rise_is_slow_and_its_beginning_lies_in_the_interval(seed):
    found, bounds = course(np.concatenate((np.zeros(1500), np.linspace(0, 1, 2500))), seed)
    assert found.pace == "slow"
    assert bounds[max(0, found.first - 1)] <= 1500 <= bounds[found.last + 1]
    assert abs(bounds[found.best] - 1500) <= WINDOW


def test_a_rise_is_slow_also_when_it_is_over():
    found, _ = course(np.concatenate((np.zeros(1000), np.linspace(0, 1, 2000), np.ones(1000))), 1)
    assert found.pace == "slow"


def test_a_rise_within_a_fraction_of_a_window_is_no_slow_drift():
    found, _ = course(np.concatenate((np.zeros(1000), np.linspace(0, 1, 100), np.ones(1500))), 1)
    assert found.pace == "sudden"


def test_one_stretch_tells_nothing():
    counts = np.array([[5, 0, 20]])
    assert pace(np.array([0.0, 25.0]), counts, np.array([-1.0, 0.0, 1.0]), WINDOW).pace == "unsure"
    few, _ = course(np.repeat([0.0, 1.0], [50, 50]), 3)
    assert few.pace == "unsure"


def test_scores_are_0_on_average_while_nothing_moved_and_above_when_it_did():
    score = scores(np.rint(1000 * AFTER).astype(int), BEFORE)
    assert score @ BEFORE == pytest.approx(0.0, abs=1e-12)
    assert score @ AFTER > 0.1
    np.testing.assert_array_less(np.abs(scores(np.eye(1, 10, dtype=int)[0], BEFORE)), 1.0)


def test_a_bin_that_is_not_used_scores_nothing_odd():
    score = scores(np.array([10, 30, 0]), np.array([0.5, 0.5, 0.0]))
    assert np.isfinite(score).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_step_within_a_wide_stretch_is_no_rise(seed):
    found, _ = course(np.repeat([0.0, 1.0], [1575, 1425]), seed, step=150, window=500)
    assert found.pace != "slow"
