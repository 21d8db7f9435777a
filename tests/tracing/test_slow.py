"""How long calls usually take: a running median, and what is slow beside it."""

import random
import statistics

import pytest

from sidecar.tracing.slow import SETTLED, SLOW, Pace


def test_pace_follows_the_median() -> None:
    source = random.Random(7)
    durations = [source.lognormvariate(-4, 1.0) for _ in range(5000)]
    pace = Pace()
    for count, seconds in enumerate(durations, 1):
        pace.update(seconds)
        assert (pace.snapshot() == float("inf")) == (count < SETTLED)
    assert pace.snapshot() == pytest.approx(statistics.median(durations), rel=0.25)


def test_pace_survives_a_clock_that_stands_still() -> None:
    pace = Pace()
    for _ in range(200):
        pace.update(0.0)
    assert 0.0 < pace.snapshot() < 1e-6


def test_a_call_is_slow_beside_those_before() -> None:
    pace = Pace()
    assert not pace.update(60.0)  # nothing is known yet
    assert not any(pace.update(0.005) for _ in range(3 * SETTLED))
    usual = pace.snapshot()
    assert not pace.update(0.99 * SLOW * usual)
    assert pace.update(1.1 * SLOW * usual)
