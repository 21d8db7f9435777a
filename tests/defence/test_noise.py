"""Noise in pictures: what is measured, how often clean ones have it, and who else does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from sidecar.defence.noise import MEASURES, _extremes, measures
from sidecar.defence.pixels import Layout
from tests.baseline.test_worn import jpeg
from tests.defence.made import FRESH, SIDE, digits, fgsm
from tests.defence.test_guard import guarded

PICTURES = Layout(SIDE, SIDE)


def p(rows: np.ndarray) -> np.ndarray:
    noise = guarded().noise
    assert noise is not None
    return np.array([found.p for found in noise.found(rows)])


def measured(picture: np.ndarray) -> dict[str, float]:
    return dict(zip(MEASURES, measures(picture[None, :, :, None])[0].tolist(), strict=True))


def test_a_stroke_is_neither_uneven_nor_a_speck():
    picture = np.zeros((20, 20))
    picture[4:16, 9:11] = 1.0
    found = measured(picture)
    assert found["uneven"] == found["specks"] == 0.0
    assert found["busy"] == pytest.approx(16 * 6 / 400), "two pixels around the stroke"


def test_a_picture_from_one_end_of_the_numbers_to_the_other_is_measured_like_any():
    picture = np.random.default_rng(0).random((20, 20))
    picture[0, :2] = 0.0, 1.0
    wide = (picture - 0.5) * 2.0 * np.finfo(float).max
    assert measured(wide) == pytest.approx(measured(picture))
    assert np.isfinite(measures(np.stack((wide, picture))[..., None])).all()


def test_faint_pixels_away_from_strokes_are_noise():
    picture = np.zeros((20, 20))
    picture[4:16, 9:11] = 1.0
    picture[2:18:3, 2] = 0.2  # six of them, each alone, where the picture is flat
    found = measured(picture)
    flat = 400 - 16 * 6
    assert found["specks"] == pytest.approx(6 / flat)
    assert found["uneven"] == pytest.approx(np.sqrt(6 * 0.2**2 / flat))


def test_noise_so_strong_that_nothing_is_flat_is_told():
    assert measured(np.random.default_rng(0).random((20, 20)))["busy"] > 0.95


def test_what_is_measured_depends_on_no_scale():
    picture = np.random.default_rng(0).random((1, 12, 12, 1)) ** 4
    np.testing.assert_allclose(measures(0.3 * picture - 2.0), measures(picture), atol=1e-12)
    assert measured(np.full((6, 6), 7.0)) == {"uneven": 0.0, "specks": 0.0, "busy": 0.0}


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


def test_blurred_and_compressed_pictures_have_no_more_than_clean_ones():
    fresh = PICTURES.pictures(digits().pictures[FRESH])
    for worn in (gaussian_filter(fresh, (0, 1.0, 1.0, 0)), jpeg(fresh, 50), jpeg(fresh, 90)):
        assert (p(PICTURES.rows(worn)) <= 0.025).mean() <= 0.06


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


@pytest.mark.parametrize("shape", [(2, 9, 13, 2), (1, 1, 5, 1), (1, 3, 1, 1)])
def test_what_is_around_a_pixel_is_as_scipy_finds_it(shape):
    pictures = np.random.default_rng(0).random(shape)
    low, high = _extremes(pictures)
    np.testing.assert_array_equal(low, minimum_filter(pictures, (1, 5, 5, 1)))
    np.testing.assert_array_equal(high, maximum_filter(pictures, (1, 5, 5, 1)))
