"""A stand-in that predicts rows it has not seen, and leaves its noise alone."""

import numpy as np
import pytest

from sidecar.cascade.surrogate import ROWS, fit, squared_distances


def test_a_bent_function_is_predicted_down_to_its_noise():
    random = np.random.default_rng(0)
    asked = random.normal(size=(300, 2))
    truth = np.column_stack((np.sin(2 * asked[:, 0]) * asked[:, 1], asked[:, 0]))
    found = fit(asked[:200], (truth + 0.1 * random.normal(size=truth.shape))[:200])
    left = truth[200:] - found.predict(asked[200:])
    assert np.square(left).mean() < 0.25 * np.square(truth[200:] - truth.mean(axis=0)).mean()


def test_noise_alone_is_answered_by_its_mean():
    random = np.random.default_rng(1)
    found = fit(random.normal(size=(200, 3)), 5.0 + random.normal(size=(200, 1)))
    assert found.predict(random.normal(size=(100, 3))) == pytest.approx(5.0, abs=0.8)


def test_questions_that_are_all_the_same_are_no_trouble():
    found = fit(np.zeros((50, 2)), np.arange(50.0)[:, None])
    assert found.predict(np.zeros((3, 2))) == pytest.approx(24.5, abs=1.0)


def test_the_work_is_bounded():
    assert (
        len(fit(np.random.default_rng(2).normal(size=(2 * ROWS, 1)), np.zeros((2 * ROWS, 1))).centres) == ROWS
    )


def test_distances_are_those_of_numpy():
    random = np.random.default_rng(3)
    ours, theirs = random.normal(size=(4, 3)), random.normal(size=(5, 3))
    wanted = np.linalg.norm(ours[:, None] - theirs[None], axis=2) ** 2
    assert squared_distances(ours, theirs) == pytest.approx(wanted)
