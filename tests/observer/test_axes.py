import math

import numpy as np
import pytest

from sidecar.observer.axes import as_reference, by_quantiles, category, distinct, measured, undivided
from sidecar.scoring.bins import Bins
from tests.observer.real import digits


def counts(field, *values):
    return Bins((field,)).counts(np.array(values, dtype=np.float64)[:, None]).tolist()


def test_a_bound_belongs_to_the_bin_below_it_as_in_prometheus():
    field = measured("seconds", (0.1, 1.0))
    assert counts(field, 0.0, 0.1) == [2, 0, 0, 0]
    assert counts(field, np.nextafter(0.1, 1), 1.0) == [0, 2, 0, 0]
    assert counts(field, 1.0000001, math.inf) == [0, 0, 2, 0]
    assert counts(field, math.nan) == [0, 0, 0, 1]
    assert field.labels == ("<=0.1", "<=1", ">1", "missing")


def test_a_rank_beyond_the_categories_is_new():
    field = category("colour", ("red", "blue"))
    assert counts(field, 0, 1, 1, 2, 64, math.nan) == [1, 2, 2, 1]
    assert field.labels == ("red", "blue", "new", "missing")


@pytest.mark.parametrize("bins", [2, 10, 20])
def test_quantile_bins_hold_equal_shares_of_what_has_no_ties(bins):
    values = np.random.default_rng(0).normal(size=1000)
    field = by_quantiles("x", values, bins)
    assert len(field.edges) == bins - 1
    assert np.ptp(np.array(field.probabilities[:-1]) * 1000) <= 2
    assert math.isclose(sum(field.probabilities), 1.0)


def test_a_value_that_fills_a_bin_has_one_of_its_own():
    for column in digits().T:
        field = by_quantiles("x", column)
        values, times = np.unique(column, return_counts=True)
        for value in values[times > 2 * len(column) / 10]:
            near = np.array([np.nextafter(value, -9), value, np.nextafter(value, 9)])
            assert len(np.unique(Bins((field,)).codes(near[:, None]))) == 3, value


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ([7.0] * 50, {"< 7": 0.0, "7": 1.0, ">= 7": 0.0}),
        ([0.0] * 60 + [1.0] * 40, {"< 0": 0.0, "0": 0.6, "[4.94066e-324, 1)": 0.0, "1": 0.4, ">= 1": 0.0}),
    ],
)
def test_a_move_to_either_side_of_a_constant_or_a_class_is_seen(values, shares):
    field = by_quantiles("x", np.array(values))
    assert dict(zip(field.labels, field.probabilities, strict=True)) == shares | {"missing": 0.0}


def test_without_any_value_there_is_one_bin():
    found = by_quantiles("x", np.full(3, math.nan))
    assert (found.edges, found.labels, found.probabilities, found.rows) == (
        *((), ("any", "missing"), (0.0, 1.0)),
        3,
    )
    assert by_quantiles("x", np.empty(0)).probabilities == (0.0, 0.0)


def test_the_statistics_of_a_reference_are_those_of_its_finite_values():
    values = np.array([1.0, 2.0, math.nan, 6.0, math.inf])
    field = as_reference(undivided("x"), values)
    assert (field.rows, field.mean, field.min, field.max) == (5, 3.0, 1.0, 6.0)
    assert field.std == pytest.approx(np.std([1, 2, 6]))
    assert field.probabilities == (0.8, 0.2)


def test_labels_that_agree_are_told_apart():
    assert distinct(("a", "missing", "a", "missing")) == ["a", "missing", "a #2", "missing #2"]
