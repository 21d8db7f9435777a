"""Squeezers: equal to SciPy where SciPy has them, and what they promise where it has not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import median_filter

from sidecar.defence.squeezers import (
    ALIKE,
    SQUEEZERS,
    fewer_levels,
    median_3x3,
    non_local_means,
)

SHAPES = [(1, 28, 28, 1), (3, 9, 14, 3), (2, 1, 5, 1), (2, 2, 1, 1), (1, 1, 1, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_medians_are_those_of_scipy(shape):
    rng = np.random.default_rng(1)
    for pictures in (rng.random(shape), rng.integers(0, 3, shape).astype(float)):
        expected = median_filter(pictures, size=(1, 3, 3, 1))
        np.testing.assert_array_equal(median_3x3(pictures), expected)


def test_bit_depth_gives_the_nearest_level():
    pictures = np.linspace(0.0, 255.0, 12).reshape(1, 3, 4, 1)
    assert set(fewer_levels(pictures, bits=1).ravel()) == {0.0, 255.0}
    levels = fewer_levels(pictures, bits=4)
    np.testing.assert_allclose(levels % 17.0, 0.0)
    assert np.abs(levels - pictures).max() <= 17.0 / 2


@pytest.mark.parametrize("name", SQUEEZERS)
def test_a_dimmer_or_brighter_picture_is_squeezed_alike(name):
    pictures = np.random.default_rng(2).random((3, 8, 8, 1))
    squeezed = SQUEEZERS[name](0.25 * pictures + 0.5)
    np.testing.assert_allclose(squeezed, 0.25 * SQUEEZERS[name](pictures) + 0.5)


@pytest.mark.parametrize("name", SQUEEZERS)
def test_a_plain_picture_stays_and_none_is_written_to(name):
    plain = np.full((2, 5, 6, 1), 15.0)
    plain.flags.writeable = False
    np.testing.assert_allclose(SQUEEZERS[name](plain), plain)


@pytest.mark.parametrize("name", SQUEEZERS)
def test_pictures_do_not_know_of_one_another(name):
    pictures = np.random.default_rng(3).random((4, 8, 8, 1))
    alone = np.concatenate([SQUEEZERS[name](pictures[i : i + 1]) for i in range(4)])
    np.testing.assert_array_equal(SQUEEZERS[name](pictures), alone)


def test_non_local_means_are_those_of_the_paper():
    """Pixel by pixel, as it is written there."""
    picture = np.random.default_rng(4).random((9, 7))
    wide = np.pad(picture, 3, "symmetric")
    contrast = np.ptp(picture)
    expected = np.empty_like(picture)
    for y, x in np.ndindex(picture.shape):
        own = wide[y + 2 : y + 5, x + 2 : x + 5]
        weights, values = [], []
        for dy, dx in np.ndindex(5, 5):
            other = wide[y + dy : y + dy + 3, x + dx : x + dx + 3]
            weights.append(np.exp(-((own - other) ** 2).mean() / (ALIKE * contrast) ** 2))
            values.append(other[1, 1])
        expected[y, x] = np.average(values, weights=weights)
    found = non_local_means(picture[None, :, :, None])[0, :, :, 0]
    np.testing.assert_allclose(found, expected)
