"""Rates over a sliding window, against a list of every time."""

import random

import pytest

from sidecar.policy.meters import MOST_KEYS, Meter


def test_a_steady_rate_is_told():
    meter = Meter(10.0)
    for i in range(400):
        meter.update("a", i * 0.25)
    assert meter.rate("a", 100.0) == pytest.approx(4.0, rel=0.05)
    assert meter.rate("b", 100.0) == 0.0


def test_it_is_never_far_from_the_true_count():
    generator = random.Random(1)
    meter, times, now = Meter(5.0), [], 0.0
    for _ in range(2000):
        now += generator.expovariate(20.0)
        meter.update("a", now)
        times.append(now)
        true = sum(now - 5.0 < one <= now for one in times) / 5.0
        assert abs(meter.rate("a", now) - true) < 6.0


def test_what_is_over_is_forgotten():
    meter = Meter(1.0)
    for _ in range(100):
        meter.update("a", 0.5)
    assert meter.rate("a", 0.9) == 100.0
    assert meter.rate("a", 1.5) == pytest.approx(50.0)
    assert meter.rate("a", 2.0) == 0.0
    assert meter.rate("a", 7.0) == 0.0


def test_the_keys_that_were_quiet_the_longest_go_first():
    meter = Meter(60.0)
    for i in range(MOST_KEYS + 10):
        meter.update(f"{i}", float(i) / 1000)
        meter.update("steady", float(i) / 1000)
    assert len(meter) == MOST_KEYS
    assert meter.rate("steady", 10.0) > 100.0
    assert meter.rate("0", 10.0) == 0.0
