"""What is learned of a column of images."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.columns import images

SOURCE = np.random.default_rng(0)


@pytest.mark.parametrize(("most", "white"), [(1, 1.0), (2, 255.0), (255, 255.0), (256, 65_535.0)])
def test_white_is_the_first_that_no_pixel_is_above(most, white):
    pixels = SOURCE.random((5, 8, 8))
    pixels[0, 0, 0] = most
    assert images.of_images("image", pixels).white == white


def test_each_number_varies_by_one_in_the_reference_or_hardly():
    pixels = SOURCE.integers(0, 256, (200, 10, 10), dtype=np.uint8)
    reading = images.of_images("image", pixels)
    spread = dict(zip(images.NAMES, reading.read(pixels)[0].std(axis=0).tolist(), strict=True))
    assert spread["light"] == pytest.approx(1.0)
    assert spread["red"] == pytest.approx(0.0, abs=1e-9)
