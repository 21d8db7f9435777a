"""Squeezers: pictures with the small print taken out, which is where an attack on a model mostly writes.

    1 bit, 4 bits             each pixel becomes the nearest of 2 or 16 levels; faint changes go
    non-local means           each pixel becomes a mean of those near it whose surroundings look alike; noise
                              goes, edges stay

Beside them the median of 3 x 3, with which nobody is asked, but noise is measured. All take and give (rows,
height, width, channels). Sources: Xu, Evans and Qi 2018, "Feature Squeezing: Detecting Adversarial Examples
in Deep Neural Networks", NDSS; Buades, Coll and Morel 2005, "A non-local algorithm for image denoising",
CVPR.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Pictures: TypeAlias = NDArray[np.float64]
"""(rows, height, width, channels)."""

Squeezer: TypeAlias = Callable[[Pictures], Pictures]
"""Pictures -> pictures of the same shape."""


def median_3x3(pictures: Pictures) -> Pictures:
    """The median of each pixel and its eight neighbours: `scipy.ndimage.median_filter` without SciPy.

    Three above each other are sorted. The median of all nine is the middle one of three: the greatest of the
    lowest, the middle one of the middle ones, the lowest of the greatest.
    """
    around = mirrored(pictures, before=1, after=1)
    low, high = _sorted(around[:, :-2], around[:, 1:-1])
    middle, high = _sorted(high, around[:, 2:])
    low, middle = _sorted(low, middle)
    low = np.maximum(np.maximum(low[:, :, :-2], low[:, :, 1:-1]), low[:, :, 2:])
    middle = _middle(middle[:, :, :-2], middle[:, :, 1:-1], middle[:, :, 2:])
    high = np.minimum(np.minimum(high[:, :, :-2], high[:, :, 1:-1]), high[:, :, 2:])
    return _middle(low, middle, high)


def fewer_levels(pictures: Pictures, *, bits: int) -> Pictures:
    """The nearest of 2 ** bits levels from a picture's darkest to its lightest value.

    Xu et al. have levels from black to white. But in a picture that is only dimmer or brighter strokes then
    cross a level that they don't otherwise, and an honest answer flips."""
    low = pictures.min(axis=(1, 2, 3), keepdims=True)
    step = (pictures.max(axis=(1, 2, 3), keepdims=True) - low) / (2**bits - 1)
    step[step == 0.0] = 1.0  # one value everywhere stays what it is
    levels: Pictures = np.rint((pictures - low) / step) * step + low
    return levels


def non_local_means(pictures: Pictures) -> Pictures:
    """The mean of the NEAR x NEAR pixels around each, weighted by how alike the 3 x 3 around both are."""
    contrast = pictures.max(axis=(1, 2, 3)) - pictures.min(axis=(1, 2, 3))
    contrast[contrast == 0.0] = 1.0
    margin = NEAR // 2 + 1
    around = mirrored(pictures, before=margin, after=margin)
    near = sliding_window_view(around, (NEAR, NEAR), (1, 2))  # (rows, height + 2, width + 2, channels, 5, 5)
    apart = near - near[..., NEAR // 2, NEAR // 2, None, None]
    apart *= apart
    apart = apart[:, :-2] + apart[:, 1:-1] + apart[:, 2:]
    apart = apart[:, :, :-2] + apart[:, :, 1:-1] + apart[:, :, 2:]
    apart /= -((3.0 * ALIKE * contrast) ** 2)[:, None, None, None, None, None]
    weights = np.exp(apart, out=apart)
    sums = np.einsum("...ij,...ij->...", weights, near[:, 1:-1, 1:-1])
    means: Pictures = sums / np.einsum("...ij->...", weights)
    return means


NEAR = 5
"""Pixels in a line that non-local means look at, with the one in the middle. The paper has 21, for
photographs."""

ALIKE = 0.12
"""Root of the mean square by which surroundings differ, as a share of a picture's contrast, that leaves a
weight of 1 / e. Tried on digits that none of the figures is of; 0.2 does as well."""

SQUEEZERS: dict[str, Squeezer] = {
    "bits-1": partial(fewer_levels, bits=1),
    "bits-4": partial(fewer_levels, bits=4),
    "non-local-means": non_local_means,
}
"""By the names that baselines and headers have for them."""


def _sorted(left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.minimum(left, right), np.maximum(left, right)


def _middle(first: NDArray[Any], second: NDArray[Any], third: NDArray[Any]) -> NDArray[Any]:
    low, high = _sorted(first, second)
    middle: NDArray[Any] = np.maximum(low, np.minimum(high, third))
    return middle


def mirrored(pictures: Pictures, *, before: int, after: int) -> Pictures:
    """With a margin in which the picture is mirrored at its edge: `d c b a | a b c d | d c b a`."""
    rows = _places(pictures.shape[1], before, after)
    columns = _places(pictures.shape[2], before, after)
    return pictures.take(rows, axis=1).take(columns, axis=2)


@lru_cache(maxsize=256)
def _places(length: int, before: int, after: int) -> NDArray[np.intp]:
    places = np.arange(-before, length + after) % (2 * length)
    return np.minimum(places, 2 * length - 1 - places)
