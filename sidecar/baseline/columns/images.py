"""Columns of images: how white is spelled, and how far each number of an image varies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.features.images import NAMES, ImageReading

LEAST = 1e-3
"""Deviation of a number that hardly varies, such as the colour of grey images: a quarter of a step of 255."""


def of_images(name: str, values: NDArray[Any]) -> ImageReading:
    """How images are read, (rows, height, width[, channels]). Where the type of the pixels is a number of any
    size, white is 1, 255 or 65,535: the first that no pixel is above."""
    most = float(np.nanmax(values)) if values.size else 1.0
    white = next((white for white in (1.0, 255.0) if most <= white), 65_535.0)
    read, _ = ImageReading(name, white).read(values)
    spread = read.std(axis=0)
    return ImageReading(name, white, tuple(np.where(spread > LEAST, spread, LEAST).tolist()))


__all__ = ["NAMES", "of_images"]
