"""Blurred and compressed pictures: as SciPy blurs and as a JPEG library compresses."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from sidecar.baseline import worn
from tests.defence.made import SIDE, digits


def jpeg(pictures: np.ndarray, quality: int) -> np.ndarray:
    """Grey pictures from 0 to 1 through a real encoder and decoder."""
    found = np.empty_like(pictures)
    for picture, into in zip(pictures[..., 0], found, strict=True):
        file = io.BytesIO()
        Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
        into[..., 0] = np.asarray(Image.open(file)) / 255.0
    return found


def pictures(height: int = SIDE, width: int = SIDE) -> np.ndarray:
    return digits().pictures[:20].reshape(-1, SIDE, SIDE, 1)[:, :height, :width]


def test_a_blur_is_gaussian():
    expected = gaussian_filter(pictures(), (0, 1.0, 1.0, 0), truncate=3.0)
    np.testing.assert_allclose(worn.blurred(pictures()), expected, atol=1e-12)


@pytest.mark.parametrize("side", [16, 13])
def test_compression_loses_what_jpeg_loses(side):
    own = pictures(side, side)
    shades = 255 * np.abs(worn.compressed(own, 0.0, 1.0) - jpeg(own, 50))
    assert shades.mean() < 0.5, "its encoder works with whole numbers"
    assert np.quantile(shades, 0.99) <= 8


def test_other_shades_and_more_channels_are_compressed_alike():
    own = pictures()
    other = worn.compressed(np.repeat(own, 3, axis=3) * 4.0 - 1.0, -1.0, 3.0)
    np.testing.assert_allclose(other[..., 2:], worn.compressed(own, 0.0, 1.0) * 4.0 - 1.0, atol=1e-9)
