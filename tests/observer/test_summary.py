"""The laws that every summary obeys, checked on real rows and on made-up ones with gaps."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sidecar.observer.summary import Sample, moments, nothing, summarise, summarise_parts, without_sample
from sidecar.scoring.bins import Bins
from tests.observer.real import digits, reference

ROWS = digits()[:400].copy()
ROWS[::7, 3] = np.nan
ROWS[::11, 5] = np.inf
ROWS[:, 9] = np.nan
KEYS = np.random.default_rng(0).random(len(ROWS))
BINS = Bins(reference(digits()[400:900]))
CAPACITY = 60


def summary(part):
    return summarise(ROWS[part], BINS, KEYS[part], CAPACITY)


def assert_same(one, other):
    assert one.rows == other.rows
    assert one.counts.tolist() == other.counts.tolist()
    for name in ("count", "low", "high"):
        assert getattr(one.moments, name).tolist() == getattr(other.moments, name).tolist()
    for name in ("mean", "m2"):
        np.testing.assert_allclose(
            getattr(one.moments, name), getattr(other.moments, name), rtol=1e-10, atol=1e-9
        )
    assert one.sample.ceiling == other.sample.ceiling
    order, same = np.argsort(one.sample.keys), np.argsort(other.sample.keys)
    np.testing.assert_array_equal(one.sample.rows[order], other.sample.rows[same])


@given(st.lists(st.integers(0, len(ROWS)), max_size=6))
def test_the_merge_of_parts_is_the_summary_of_the_whole(cuts):
    ends = [0, *sorted(cuts), len(ROWS)]
    merged = nothing(BINS)
    for start, end in pairwise(ends):
        merged = merged.merge(summary(slice(start, end)), CAPACITY)
    assert_same(merged, summary(slice(None)))


@given(st.integers(0, len(ROWS)), st.integers(0, len(ROWS)))
def test_it_does_not_matter_who_is_merged_into_whom(a, b):
    parts = [
        summary(slice(None, min(a, b))),
        summary(slice(min(a, b), max(a, b))),
        summary(slice(max(a, b), None)),
    ]
    one, two, three = parts
    assert_same(
        one.merge(two, CAPACITY).merge(three, CAPACITY), three.merge(two.merge(one, CAPACITY), CAPACITY)
    )


def test_nothing_is_neutral():
    whole = summary(slice(None))
    assert_same(whole.merge(nothing(BINS), CAPACITY), whole)
    assert_same(nothing(BINS).merge(whole, CAPACITY), whole)


@pytest.mark.filterwarnings("ignore:Degrees of freedom|Mean of empty:RuntimeWarning")
def test_moments_are_numpys_over_the_finite_values():
    found = moments(ROWS)
    finite = np.where(np.isfinite(ROWS), ROWS, np.nan)
    known = ~np.isnan(finite).all(axis=0)
    assert found.count.tolist() == np.isfinite(ROWS).sum(axis=0).tolist()
    np.testing.assert_allclose(found.mean[known], np.nanmean(finite[:, known], axis=0))
    np.testing.assert_allclose(found.variance[known], np.nanvar(finite[:, known], axis=0, ddof=1))
    np.testing.assert_array_equal(found.low[known], np.nanmin(finite[:, known], axis=0))
    np.testing.assert_array_equal(found.high[known], np.nanmax(finite[:, known], axis=0))
    assert np.isnan(found.variance[9])


def test_one_value_beyond_measure_takes_no_others_along():
    hostile = ROWS.copy()
    hostile[5], hostile[6], hostile[7] = 1.7e308, -1.7e308, 1e139
    others = moments(np.delete(ROWS, (5, 6), axis=0))
    found = moments(hostile)
    assert found.count.tolist() == [*(others.count + (np.isnan(ROWS[7]) | np.isinf(ROWS[7])))]
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.merge(others).m2).all()
    assert found.high.tolist() == [1e139] * 16


def test_moments_do_not_cancel_far_from_zero():
    values = 1e9 + np.random.default_rng(0).normal(size=(1000, 1))
    merged = moments(values[:1])
    for row in values[1:]:
        merged = merged.merge(moments(row[None]))
    assert merged.variance[0] == pytest.approx(np.var(values, ddof=1), rel=1e-6)


@pytest.mark.parametrize("capacities", [(50, 50), (50, 20), (10, 200)])
def test_every_row_has_the_same_chance_to_be_in_a_merged_sample(capacities):
    random = np.random.default_rng(3)
    times = np.zeros(300)
    for _ in range(2000):
        keys = random.random(300)
        numbers = np.arange(300.0)[:, None]
        halves = (slice(0, 100), slice(100, 300))
        one, other = (
            Sample(numbers[half], keys[half]).trimmed(most)
            for half, most in zip(halves, capacities, strict=True)
        )
        merged = one.merge(other, 50)
        assert len(merged.keys) <= 50
        times[merged.rows[:, 0].astype(int)] += 1
    # The first hundred and the rest were sampled apart: both must come out alike.
    assert stats.chisquare(times).pvalue > 1e-4


def test_a_sample_with_room_keeps_every_row():
    sample = Sample(ROWS, KEYS).trimmed(len(ROWS))
    assert len(sample.rows) == len(ROWS)
    assert sample.ceiling == 1.0


@given(st.sets(st.integers(1, len(ROWS) - 1), max_size=8))
def test_parts_worked_out_together_are_the_summaries_of_each(cuts):
    starts = [0, *sorted(cuts)]
    ends = [*starts[1:], len(ROWS)]
    parts = summarise_parts(ROWS, BINS, KEYS, starts, CAPACITY)
    for part, start, end in zip(parts, starts, ends, strict=True):
        assert_same(part, summary(slice(start, end)))
    merged = nothing(BINS)
    for part in parts:
        merged = merged.merge(part, 0)
    assert_same(without_sample(parts), msgspec.structs.replace(merged, sample=without_sample(parts).sample))
