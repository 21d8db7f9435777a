"""When a model changed, and how surely that is known."""

import numpy as np

from sidecar.cascade.onset import onset, unlike
from tests.cascade.chains import CALLS, CHANGED, chain


def test_the_call_of_the_change_is_found():
    asked, answered = chain(count=1, broken=0)[0]
    found = onset(np.arange(float(CALLS)), asked, answered, before=200, after=100)
    assert abs(found.likeliest - CHANGED) <= 5
    assert found.earliest <= CHANGED <= found.latest
    assert found.latest - found.earliest < 20


def test_a_small_change_is_known_less_exactly():
    asked, answered = chain(count=1)[0]
    weak = answered.copy()
    weak[CHANGED:, 0] += 0.05
    found = onset(np.arange(float(CALLS)), asked, weak, before=200, after=100)
    strong = onset(np.arange(float(CALLS)), *chain(count=1, broken=0)[0], before=200, after=100)
    assert found.latest - found.earliest > 3 * (strong.latest - strong.earliest)


def test_rows_are_told_by_whom_they_resemble():
    left = np.concatenate((np.zeros((20, 1)), np.ones((20, 1))))
    series = unlike(left + 0.01 * np.random.default_rng(0).normal(size=left.shape), old=10, new=10)
    assert series[:20].max() < 0 < series[20:].min()
