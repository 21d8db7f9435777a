import numpy as np
import pytest

from sidecar.observer.reservoir import BLOCKS, ROW_BYTES, Reservoir
from tests.test_cohort import kept

DAY = 86_400.0


def feed(reservoir, count, now, start=0):
    return reservoir.update(count, lambda i: kept(start + i, float(start + i)), now)


def serials(reservoir):
    return {one.row.serial for one in reservoir}


def test_few_rows_are_all_kept_and_stand_for_themselves():
    reservoir = Reservoir(100, 1_000_000, DAY)
    assert feed(reservoir, 40, now=10.0) == 40
    assert serials(reservoir) == set(range(40))
    assert {one.weight for one in reservoir} == {1.0}
    assert (len(reservoir), reservoir.seen, reservoir.first) == (40, 40, 10.0)


def test_of_many_rows_each_has_the_same_chance_to_be_kept():
    times = np.zeros(1000)
    for seed in range(200):
        reservoir = Reservoir(100, 1_000_000, DAY, seed)
        for start in range(0, 1000, 50):
            feed(reservoir, 50, now=start / 1000, start=start)
        assert len(reservoir) == 100
        times[list(serials(reservoir))] += 1
    # Each is kept in 20 of 200 on average, with a standard deviation of 4.2.
    assert abs(times.reshape(10, 100).mean(axis=1) - 20).max() < 2.0
    assert times.max() < 20 + 5 * 4.3


def test_weights_add_up_to_all_rows_seen_whatever_was_kept():
    reservoir = Reservoir(50, 1_000_000, DAY)
    for hour in range(20):
        feed(reservoir, 10 * (hour + 1), now=hour * 3600.0, start=1000 * hour)
    assert sum(one.weight for one in reservoir) == pytest.approx(reservoir.seen) == pytest.approx(2100)


def test_a_flood_does_not_wash_away_what_was_seen_before():
    reservoir = Reservoir(200, 1_000_000, DAY)
    feed(reservoir, 30, now=0.0)
    feed(reservoir, 100_000, now=2 * 3600.0, start=1000)
    assert len(reservoir) == 200
    assert serials(reservoir) >= set(range(30))


def test_after_a_day_rows_are_gone():
    reservoir = Reservoir(1000, 1_000_000, DAY)
    feed(reservoir, 10, now=0.0)
    feed(reservoir, 10, now=DAY / 2, start=100)
    feed(reservoir, 0, now=DAY)
    assert len(reservoir) == 20
    feed(reservoir, 0, now=DAY + 1.0)
    assert serials(reservoir) == set(range(100, 110))
    feed(reservoir, 0, now=10 * DAY)
    assert (len(reservoir), reservoir.bytes, reservoir.seen) == (0, 0, 0)


def test_blocks_are_few_however_often_it_is_fed():
    reservoir = Reservoir(1000, 1_000_000, 24.0)
    for i in range(500):
        feed(reservoir, 1, now=i / 10, start=i)
    assert len(reservoir.keep()) <= BLOCKS + 1


def test_bytes_are_bounded_and_counted_exactly():
    reservoir = Reservoir(1000, 50 * (ROW_BYTES + 8), DAY)
    feed(reservoir, 400, now=0.0)
    assert len(reservoir) == 50
    assert reservoir.bytes == 50 * (ROW_BYTES + 8)
    tight = Reservoir(1000, ROW_BYTES, DAY)
    feed(tight, 5, now=0.0)
    assert (len(tight), tight.bytes) == (0, 0), "a row larger than all room is not kept"


def test_once_full_few_rows_are_made_at_all():
    reservoir = Reservoir(100, 1_000_000, DAY)
    feed(reservoir, 10_000, now=0.0)
    assert feed(reservoir, 10_000, now=1.0, start=10_000) < 150


def test_it_goes_on_from_what_was_kept():
    before = Reservoir(100, 1_000_000, DAY)
    feed(before, 500, now=5.0)
    after = Reservoir(100, 1_000_000, DAY)
    after.restore(before.keep())
    assert after.keep() == before.keep()
    assert (after.bytes, after.seen, after.first) == (before.bytes, before.seen, before.first)
    assert feed(after, 500, now=6.0, start=500) < 400, "the ceiling is where it was"
    smaller = Reservoir(30, 1_000_000, DAY)
    smaller.restore(before.keep())
    assert len(smaller) == 30
