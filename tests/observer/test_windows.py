import time

import numpy as np
import pytest

from sidecar.observer.windows import BLOCKS, SAMPLE_BYTES, Window
from sidecar.scoring.bins import Bins
from tests.observer.real import digits, draw, reference

FIELDS = reference(digits()[:1000])
BINS = Bins(FIELDS)
STREAM = digits()[1000:1400]


def batches(random, rows):
    """The stream in batches of changing size."""
    start = 0
    while start < rows:
        end = min(rows, start + int(random.integers(1, 30)))
        yield slice(start, end)
        start = end


@pytest.mark.parametrize("size", [1, 7, 20, 100, 1000])
def test_at_every_prefix_a_window_is_what_numpy_says_of_the_last_rows(size):
    window = Window(FIELDS, size, 3600.0)
    for part in batches(np.random.default_rng(size), len(STREAM)):
        window.update(STREAM[part], float(part.stop))
        block = window.snapshot(float(part.stop))
        seen = block.summary
        last = STREAM[part.stop - seen.rows : part.stop]
        # Exact to one block: never more than asked for, and at most a block less.
        assert min(part.stop, size - -(-size // BLOCKS) + 1) <= seen.rows <= size
        assert seen.counts.tolist() == BINS.counts(last).tolist()
        np.testing.assert_allclose(seen.moments.mean, last.mean(axis=0))
        np.testing.assert_allclose(seen.moments.m2, last.var(axis=0) * len(last), atol=1e-6)
        np.testing.assert_array_equal(seen.moments.low, last.min(axis=0))
        # This window is small, so its sample is all of it.
        np.testing.assert_array_equal(np.sort(seen.sample.rows, axis=0), np.sort(last, axis=0))
        assert window.total.counts.tolist() == BINS.counts(STREAM[: part.stop]).tolist()


def test_rows_leave_when_they_are_too_old():
    window = Window(FIELDS, 1000, 60.0)
    for second in range(120):
        window.update(STREAM[second : second + 1], float(second))
    block = window.snapshot(119.0)
    assert block.first >= 119.0 - 60.0
    assert block.last == 119.0
    assert 57 <= block.summary.rows <= 61
    assert window.snapshot(500.0).summary.rows == 0
    assert window.total.rows == 120


def test_a_clock_that_steps_back_loses_nothing():
    window = Window(FIELDS, 100, 60.0)
    window.update(STREAM[:30], 1000.0)
    window.update(STREAM[30:50], 10.0)
    assert window.snapshot(11.0).summary.rows == 50


def test_a_large_window_is_sampled_evenly_within_its_bytes():
    window = Window(FIELDS, 100_000, 3600.0)
    rows = draw(120_000, seed=2)
    rows[:, 0] = np.arange(len(rows))
    for start in range(0, len(rows), 1000):
        window.update(rows[start : start + 1000], 0.0)
    summary = window.snapshot(0.0).summary
    assert 95_000 <= summary.rows <= 100_000
    sampled = np.sort(summary.sample.rows[:, 0])
    assert 0.8 * SAMPLE_BYTES < summary.sample.rows.nbytes <= SAMPLE_BYTES
    assert sampled[0] >= len(rows) - summary.rows
    shares = np.histogram(sampled, bins=10, range=(len(rows) - summary.rows, len(rows)))[0] / len(sampled)
    assert np.abs(shares - 0.1).max() < 0.02


def test_the_bytes_of_a_window_do_not_depend_on_its_rows():
    assert Window(FIELDS, 10**9, 3600.0).bytes < 2 * SAMPLE_BYTES


def test_a_restored_window_goes_on_as_if_nothing_had_happened():
    straight, stopped = Window(FIELDS, 100, 60.0), Window(FIELDS, 100, 60.0)
    straight.update(STREAM[:130], 1.0)
    stopped.update(STREAM[:130], 1.0)
    resumed = Window(FIELDS, 100, 60.0)
    resumed.restore(stopped.keep())
    for window in (straight, resumed):
        window.update(STREAM[130:200], 2.0)
    one, other = straight.snapshot(2.0), resumed.snapshot(2.0)
    assert (one.first, one.last, one.summary.rows) == (other.first, other.last, other.summary.rows)
    assert one.summary.counts.tolist() == other.summary.counts.tolist()
    np.testing.assert_array_equal(one.summary.moments.mean, other.summary.moments.mean)
    assert straight.total.counts.tolist() == resumed.total.counts.tolist()


def test_an_update_costs_at_most_20_us_a_row_of_50_features():
    rows = np.random.default_rng(0).normal(size=(5120, 50))
    window = Window(tuple(FIELDS[i % len(FIELDS)] for i in range(50)), 1000, 3600.0)
    best = min(_cost(window, rows) for _ in range(3))
    assert best < 20e-6, f"{best * 1e6:.1f} us a row"


def _cost(window, rows):
    began = time.process_time()
    for start in range(0, len(rows), 256):
        window.update(rows[start : start + 256], 0.0)
    return (time.process_time() - began) / len(rows)
