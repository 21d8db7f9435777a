import numpy as np
import pytest

from sidecar.scoring.boosting import WIDTH, added, fit, log_odds, sigmoid


def made(n, seed=0):
    random = np.random.default_rng(seed)
    rows = random.integers(0, 20, (n, 5)).astype(np.uint8)
    return rows, np.sin(rows[:, 0] / 3.0) + 0.1 * rows[:, 1], random


def test_an_additive_law_is_learned_from_rows():
    rows, law, random = made(4000)
    target = law + random.normal(size=4000)
    table = fit(rows, target, np.full(4000, target.mean()), "square", rounds=300)
    fresh, truth, _ = made(1000, seed=1)
    error = truth - target.mean() - added(table, fresh)
    assert np.square(error).mean() < 0.03 * truth.var()
    assert np.ptp(table[2:, :20]) < 0.3, "fields without a say get next to none"


def test_log_odds_are_learned_beside_an_offset():
    rows, law, random = made(8000)
    offset = 0.05 * rows[:, 2] - 1.0
    target = (random.uniform(size=8000) < sigmoid(offset + law - 1)).astype(float)
    table = fit(rows, target, offset, "logistic", rounds=300)
    assert np.corrcoef(added(table, rows), law)[0, 1] > 0.97


def test_a_weight_is_as_many_rows():
    rows, law, _ = made(500)
    weight = np.random.default_rng(2).integers(1, 4, 500).astype(float)
    twice = np.repeat(np.arange(500), weight.astype(int))
    one = fit(rows, law, np.zeros(500), "square", weight)
    other = fit(rows[twice], law[twice], np.zeros(len(twice)), "square")
    # A leaf's caution is in rows of mean weight, so only the sums are the same.
    assert np.corrcoef(added(one, rows), added(other, rows))[0, 1] > 0.999


def test_nothing_to_learn_from_adds_nothing():
    assert not fit(np.zeros((0, 3), np.uint8), np.zeros(0), np.zeros(0), "square").any()
    assert fit(np.zeros((5, 0), np.uint8), np.ones(5), np.zeros(5), "square").shape == (0, WIDTH)
    same = np.ones((50, 2), np.uint8)
    assert added(fit(same, np.full(50, 3.0), np.full(50, 3.0), "square"), same).tolist() == [0.0] * 50


def test_log_odds_and_back():
    p = np.array([0.01, 0.5, 0.99])
    assert sigmoid(log_odds(p)) == pytest.approx(p)
    assert sigmoid(log_odds(np.array([0.0, 1.0]))) == pytest.approx([0.002, 0.998])
    assert np.isfinite(sigmoid(np.array([-1e9, 1e9]))).all()
