"""Noise in pictures: what is measured, how often clean ones have it, and who else does."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.defence.noise import MEASURES, measures
from sidecar.defence.pixels import Layout
from tests.defence.made import FRESH, digits, fgsm
from tests.defence.test_guard import guarded


def p(rows: np.ndarray) -> np.ndarray:
    noise = guarded().noise
    assert noise is not None
    return np.array([found.p for found in noise.found(rows)])


def test_measures_are_of_the_residual_and_of_neighbours():
    picture = np.zeros((1, 6, 6, 1))
    picture[0, 2, 3] = 0.9  # alone, so that both medians take it out
    found = dict(zip(MEASURES, measures(picture)[0], strict=True))
    assert found["median-2x2 mean"] == found["median-3x3 mean"] == pytest.approx(0.9 / 36)
    assert found["median-2x2 quiet"] == found["grain 40-60%"] == 0.0
    noisy = picture + np.random.default_rng(0).normal(0.0, 0.01, picture.shape)
    assert (measures(noisy)[0] > measures(picture)[0])[1:].all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_the_smallest_pictures_can_be_measured(shape):
    rows = np.random.default_rng(1).random((3, shape[0] * shape[1]))
    assert np.isfinite(measures(Layout(*shape).pictures(rows))).all()


def test_clean_pictures_are_called_noisy_as_seldom_as_the_threshold_says():
    fresh = p(digits().pictures[FRESH])
    for threshold in (0.05, 0.1):
        allowed = threshold + 3 * np.sqrt(threshold / len(fresh) + threshold / 360)
        assert (fresh <= threshold).mean() <= allowed


@pytest.mark.parametrize(("epsilon", "least"), [(0.1, 0.9), (0.2, 0.9), (0.3, 0.9)])
def test_attacks_have_noise(epsilon, least):
    made = fgsm(epsilon)
    assert len(made) > 50
    assert (p(made) <= 0.025).mean() >= least


def test_brighter_and_darker_pictures_have_none():
    fresh = digits().pictures[FRESH]
    for other in (np.minimum(fresh + 0.2, 1.0), fresh * 0.7):
        assert (p(other) <= 0.025).mean() <= 0.1


def test_one_picture_alone_is_told_the_same_as_among_others():
    noise = guarded().noise
    assert noise is not None
    rows = np.vstack((digits().pictures[FRESH][:20], fgsm(0.1)[:20]))
    assert noise.found(rows) == [noise.found(row[None])[0] for row in rows]


def test_a_picture_with_a_hole_has_no_noise():
    rows = digits().pictures[FRESH][:3].copy()
    rows[1, 7] = np.nan
    assert np.isnan(p(rows)).tolist() == [False, True, False]
    assert np.isnan(p(rows[1:2])).all()
