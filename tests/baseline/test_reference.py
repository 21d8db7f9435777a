"""The reference's bins: equal shares for numbers, own bins for what is frequent, and all adds up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.baseline.reference import BINS, CATEGORIES, describe
from sidecar.errors import DataError
from sidecar.features import Field, Schema
from sidecar.scoring.bins import Bins, ReferenceField
from tests.scoring.sets import SETS, adbench

NAN = math.nan


def described(values, field: Field) -> ReferenceField:
    return describe(np.asarray(values, dtype=float)[:, None], Schema((field,)))[0]


def shares(found: ReferenceField) -> dict[str, float]:
    return dict(zip(found.labels, found.probabilities, strict=True))


@pytest.mark.parametrize("large", [1e308, np.finfo(float).max, -1e200])
def test_a_number_too_large_to_be_described_is_refused_with_its_column(large):
    with pytest.raises(DataError, match=r"column 'f': .* is so large that the column has no spread"):
        described([large, 1.0, 2.0], Field("f", "number"))


def test_numbers_have_bins_of_equal_shares():
    found = described(np.random.default_rng(0).normal(size=10_000), Field("f", "number"))
    assert len(found.probabilities) == BINS + 3
    assert found.probabilities[1:-2] == pytest.approx([1 / BINS] * BINS, abs=1e-3)
    assert [found.probabilities[i] for i in (0, -2, -1)] == [0, 0, 0], "beyond the ends, and missing"
    assert (found.rows, found.mean, found.std) == (
        10_000,
        pytest.approx(0, abs=0.03),
        pytest.approx(1, abs=0.03),
    )


def test_what_the_reference_never_saw_has_bins_of_its_own():
    values = np.random.default_rng(0).exponential(size=1000)
    found = described(values, Field("f", "number"))
    beyond = np.array([np.nextafter(values.min(), -1), 100 * values.max(), np.nextafter(values.max(), 1e9)])
    assert Bins((found,)).counts(beyond[:, None])[[0, -2]].tolist() == [1, 2]
    assert Bins((found,)).counts(values[:, None])[[0, -2]].tolist() == [0, 0]


def test_a_frequent_value_has_a_bin_of_its_own():
    rest = np.random.default_rng(0).normal(size=600)
    found = described(np.concatenate((rest, np.zeros(400))), Field("f", "number", missing=True))
    assert shares(found)["0"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0, 0, 1], {"< 0": 0, "[0, 1)": 0.75, "1": 0.25, "> 1": 0, "missing": 0}),
        ([0, 1, 2, NAN], {"< 0": 0, "[0, 1)": 0.25, "[1, 2)": 0.25, "2": 0.25, "> 2": 0, "missing": 0.25}),
        ([5, NAN], {"< 5": 0, "5": 0.5, "> 5": 0, "missing": 0.5}),
        ([1, 2, np.inf, 2], {"< 1": 0, "[1, 2)": 0.25, "2": 0.5, "> 2": 0.25, "missing": 0}),
        ([NAN, NAN], {"any": 0, "missing": 1}),
    ],
)
def test_few_values_have_few_bins(values, expected):
    assert shares(described(values, Field("f", "number"))) == expected


def test_booleans_and_constants():
    assert shares(described([0, 1, 1, NAN], Field("f", "boolean"))) == {
        "false": 0.25,
        "true": 0.5,
        "missing": 0.25,
    }
    assert shares(described([7, 7], Field("f", "constant", fill=7.0))) == {
        "< 7": 0,
        "7": 1,
        "> 7": 0,
        "missing": 0,
    }
    assert shares(described([0, 0], Field("f", "constant", ("NL",)))) == {"NL": 1, "new": 0, "missing": 0}


def test_categories_have_a_bin_each_and_one_for_what_is_new():
    found = described([0, 0, 1, 2, NAN], Field("f", "category", ("a", "b", "c")))
    assert shares(found) == {"a": 0.4, "b": 0.2, "c": 0.2, "new": 0, "missing": 0.2}
    assert Bins((found,)).counts(np.array([[3.0]])).tolist() == [0, 0, 0, 1, 0]


def test_rare_categories_share_a_bin():
    names = tuple(f"c{i}" for i in range(CATEGORIES + 10))
    found = described(np.arange(CATEGORIES + 10), Field("f", "category", names))
    assert found.labels == (*names[:CATEGORIES], "other", "new", "missing")
    assert shares(found)["other"] == pytest.approx(10 / (CATEGORIES + 10))
    assert Bins((found,)).counts(np.array([[CATEGORIES + 10.0]]))[-2] == 1


@given(
    st.lists(
        st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9), st.just(NAN)), min_size=1, max_size=80
    )
)
def test_whatever_the_numbers_bins_are_filled_and_shares_add_up(values):
    found = described(values, Field("f", "number"))
    assert list(found.edges) == sorted(set(found.edges))
    assert len(found.labels) == len(found.probabilities) == len(found.edges) + 2
    assert sum(found.probabilities) == pytest.approx(1)
    if found.edges:
        assert min(found.probabilities[1:-2]) > 0
        assert (found.probabilities[0], found.probabilities[-2]) == (0, 0), "nothing lies beyond its own ends"
    assert np.isfinite([found.mean, found.std, found.min, found.max]).all()


@pytest.mark.parametrize("name", SETS)
def test_on_real_data_no_bin_that_could_be_cut_is_large(name):
    """A bin of much more than its twentieth holds one value that is so frequent, or its neighbours' ties."""
    clean = adbench(name).clean
    for i, column in enumerate(clean.T):
        found = described(column, Field(f"x{i}", "number"))
        frequent = np.unique(column, return_counts=True)[1].max() / len(column)
        assert max(found.probabilities) <= 2 / BINS + frequent
