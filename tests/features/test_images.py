"""Images: any size and type of pixel, what each number says, and what is no image."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from sidecar.errors import Undecodable
from sidecar.features.images import CHANNELS, LONG, NAMES, SIDE, ImageReading, _areas, embedding, thumbnails

READING = ImageReading("p", 255.0)
SOURCE = np.random.default_rng(0)


def read(images, reading=READING):
    (values,) = reading.read(np.asarray(images)[None])[0]
    return dict(zip(NAMES, values.tolist(), strict=True))


def waves(height, width):
    """A picture that is the same at any size: light that swings twice from top to bottom, once across."""
    down, across = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    return 127 + 60 * np.cos(4 * np.pi * down)[:, None] + 60 * np.cos(2 * np.pi * across)[None, :]


def test_a_picture_is_much_the_same_at_any_size():
    small, large = read(waves(64, 64)), read(waves(480, 360))
    told = [name for name in NAMES if "grain" not in name and name != "quiet"]
    assert max(abs(small[name] - large[name]) for name in told) < 0.02


@pytest.mark.parametrize(
    "shape", [(1, 1), (28, 28), (31, 33), (100, 7), (32, 32, 1), (50, 60, 3), (20, 20, 4)]
)
def test_every_shape_has_finite_numbers_and_keeps_its_light(shape):
    pixels = SOURCE.integers(0, 256, shape, dtype=np.uint8)
    found = read(pixels)
    assert np.isfinite(list(found.values())).all()
    seen = pixels[..., :3] if len(shape) == 3 and shape[2] == 4 else pixels
    assert found["light"] == pytest.approx(seen.mean() / 255, abs=1e-4)


@pytest.mark.parametrize("shape", [(LONG + 1, 40), (40, 5 * LONG + 3), (2 * LONG, 3 * LONG), (1, 4_001)])
def test_long_sides_are_averaged_by_area_as_short_ones_are(shape):
    picture = SOURCE.integers(0, 256, shape).astype(np.float64)
    down, across = (_areas(side).astype(np.float64) for side in shape)
    small = thumbnails(picture[None], 255.0)[0, :, :, 0]
    assert np.abs(small - down @ picture @ across.T / 255.0).max() < 1e-6


@pytest.mark.parametrize("shape", [(1, 1, 1_000_000), (1, 1_000_000, 1), (20_000, 1, 1)])
def test_the_memory_that_images_take_is_bounded_whatever_their_form(shape):
    """A body of a megabyte may say any of these; the last would be 800 MB of thumbnails."""
    images = np.zeros(shape, np.uint8)
    tracemalloc.start()
    try:
        read, _ = READING.read(images)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read.shape == (len(images), len(NAMES))
    assert most < 64 * 2**20


def test_pixels_of_every_type_mean_the_same():
    grey = SOURCE.integers(0, 256, (40, 40), dtype=np.uint8)
    expected = list(read(grey).values())
    for pixels, reading in (
        (grey.astype(np.uint16) * 257, READING),
        (grey.astype(np.float64), READING),
        (grey / 255.0, ImageReading("p", 1.0)),
        (np.repeat(grey[..., None], 3, axis=2), READING),
    ):
        assert list(read(pixels, reading).values()) == pytest.approx(expected, abs=1e-5)


def test_what_the_numbers_say():
    flat = np.full((40, 40, 3), 100, np.uint8)
    assert read(flat)["contrast"] == pytest.approx(0, abs=1e-6)
    assert read(flat)["edges 0 degrees"] == pytest.approx(1 / 8)
    red = flat.copy()
    red[..., 0] = 200
    assert read(red)["red"] == pytest.approx(100 / 255, abs=1e-6)
    stripes = np.tile(np.repeat([0, 255], 8), (64, 4)).astype(np.uint8)
    assert read(stripes)["edges 0 degrees"] > 0.9
    assert read(stripes.T)["edges 90 degrees"] > 0.9
    noisy = np.clip(flat + SOURCE.normal(0, 10, flat.shape), 0, 255).astype(np.uint8)
    assert read(noisy)["quiet"] > 0.01 > read(flat)["quiet"]


def test_frequencies_are_those_of_the_transform():
    grey = SOURCE.random((1, SIDE, SIDE))
    n = np.arange(SIDE)
    small = np.concatenate((np.repeat(grey[..., None], 3, axis=3), np.zeros((1, SIDE, SIDE, 2))), axis=3)
    found = dict(zip(NAMES, embedding(small)[0], strict=True))
    wave = np.cos(np.pi * (n + 0.5) * 2 / SIDE)[:, None] * np.cos(np.pi * (n + 0.5) * 1 / SIDE)[None, :]
    assert found["frequency 2,1"] == pytest.approx((grey[0] * wave).sum() * 2 / SIDE / SIDE)


def test_a_thumbnail_is_what_its_picture_was():
    pixels = SOURCE.integers(0, 256, (3, 50, 70, 3), dtype=np.uint8)
    small = thumbnails(pixels, 255.0)
    assert small.shape == (3, SIDE, SIDE, CHANNELS)
    assert np.array_equal(READING.read(small)[0], READING.read(pixels)[0])


def test_numbers_are_told_in_deviations_of_the_reference():
    pixels = SOURCE.integers(0, 256, (1, 20, 20), dtype=np.uint8)
    half = ImageReading("p", 255.0, (2.0,) * len(NAMES))
    assert np.array_equal(half.read(pixels)[0] * 2, READING.read(pixels)[0])


@pytest.mark.parametrize(
    "wrong", [np.zeros(3), np.zeros((2, 5)), np.full((1, 2, 2), "x", object), np.zeros((1, 0, 3))]
)
def test_what_is_no_image_is_said(wrong):
    with pytest.raises(Undecodable, match="not-an-image:p"):
        READING.read(wrong)
