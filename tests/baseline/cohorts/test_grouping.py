"""Groups among real digits (8 x 8 pixels): which are found, and that chance makes none."""

from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sidecar.baseline.cohorts import drawing
from sidecar.baseline.cohorts.grouping import CHANCE, groups, typical_first
from sidecar.features import Field

FIELDS = tuple(Field(f"x{i}", "number") for i in range(64))


@cache
def digits():
    X, y = load_digits(return_X_y=True)
    return X.astype(np.float64), y


def showing(digit, count):
    """Rows of one digit."""
    X, y = digits()
    return X[y == digit][:count]


def others(*left_out, seed):
    """Rows of all digits but those left out, shuffled."""
    X, y = digits()
    return np.random.default_rng(seed).permutation(X[~np.isin(y, left_out)])


def places(flagged, clean):
    pool = np.concatenate((flagged, clean))
    return drawing.draw(pool, FIELDS).place(pool)


@pytest.mark.parametrize(
    ("hidden", "noise", "purity"), [(20, 60, 0.75), (60, 60, 0.95), (150, 15, 0.95), (150, 0, 1.0)]
)
def test_a_hidden_digit_is_found_be_it_a_quarter_of_what_was_flagged_or_all_of_it(hidden, noise, purity):
    ordinary = others(0, seed=1)
    flagged = np.concatenate((showing(0, hidden), ordinary[:noise]))
    found = groups(places(flagged, ordinary[noise : noise + len(flagged)]), len(flagged))
    theirs = found[0].members < hidden
    assert theirs.sum() >= 0.9 * hidden
    assert theirs.mean() >= purity


def test_of_rows_flagged_at_random_few_are_grouped():
    shares = []
    for seed in range(10):
        rows = others(seed=seed)
        found = groups(places(rows[:150], rows[150:300]), 150)
        shares.append(sum(len(one.members) for one in found) / 150)
    assert np.mean(shares) < CHANCE


def test_two_hidden_digits_are_two_groups():
    flagged = np.concatenate((showing(0, 60), showing(4, 40)))
    found = groups(places(flagged, others(0, 4, seed=2)[:100]), 100)
    zeros, fours = (set(one.members.tolist()) for one in found)
    assert len(zeros & set(range(60))) > 54
    assert len(fours & set(range(60, 100))) > 36
    assert len(zeros & set(range(60, 100))) + len(fours & set(range(60))) < 5


def test_one_row_sent_again_and_again_is_a_group():
    flagged = np.repeat(showing(0, 1), 50, axis=0)
    (found,) = groups(places(flagged, others(0, seed=3)[:50]), 50)
    assert len(found.members) == 50


def test_without_clean_rows_clusters_are_groups_as_they_are():
    flagged = np.concatenate((showing(0, 60), showing(4, 60)))
    assert len(groups(places(flagged, flagged[:0]), 120)) == 2


@pytest.mark.parametrize("rows", range(8))
def test_few_rows_are_no_error(rows):
    assert len(groups(np.random.default_rng(0).normal(size=(rows, 3)), rows)) <= 1


def test_the_medoid_comes_first_and_the_fringe_last():
    points = np.array([[0.0], [1.0], [1.1], [0.8], [9.0]])
    assert typical_first(np.arange(5), points).tolist() == [1, 2, 3, 0, 4]
    assert typical_first(np.array([4, 1, 2]), points).tolist() == [2, 1, 4]
