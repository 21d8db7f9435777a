"""Token buckets, against one that is refilled drop by drop."""

import random

import pytest

from sidecar.policy.buckets import MOST_KEYS, Buckets


def test_a_burst_passes_and_then_the_rate():
    buckets = Buckets(10.0, 5)
    assert [buckets.take("a", 100.0) for _ in range(5)] == [0.0] * 5
    assert buckets.take("a", 100.0) == pytest.approx(0.1)
    assert buckets.take("b", 100.0) == 0.0
    assert buckets.take("a", 100.05) == pytest.approx(0.05)
    assert buckets.take("a", 100.1) == 0.0
    assert buckets.take("a", 200.0) == 0.0


def test_it_is_the_bucket_of_the_textbook():
    generator = random.Random(3)
    buckets, now, tokens = Buckets(20.0, 8), 0.0, 8.0
    for _ in range(5000):
        step = generator.expovariate(40.0)
        now, tokens = now + step, min(8.0, tokens + step * 20.0)
        passes = buckets.take("a", now) == 0.0
        assert passes == (tokens >= 1.0) or abs(tokens - 1.0) < 1e-6
        tokens -= passes


def test_a_slow_rate_and_a_burst_of_one():
    buckets = Buckets(1 / 60.0, 1)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("a", 1.0) == pytest.approx(59.0)
    assert buckets.take("a", 60.0) == 0.0


def test_there_is_an_end_to_buckets():
    buckets = Buckets(1.0, 1)
    for i in range(MOST_KEYS + 5):
        buckets.take(f"{i}", 0.0)
    assert len(buckets) == MOST_KEYS
    assert buckets.take("0", 0.0) == 0.0  # forgotten, and so full again
    assert buckets.take("100", 0.0) > 0.0
