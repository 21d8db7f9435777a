"""Squeezers: pictures with the small print taken out, which is where an attack on a model mostly writes.

    median 2x2, median 3x3    each pixel becomes the median of its neighbourhood; lone pixels go
    1 bit, 4 bits             each pixel becomes the nearest of 2 or 16 levels; faint changes go

All take and give (rows, height, width, channels). The medians equal
`scipy.ndimage.median_filter` with its default border, without SciPy. Source: Xu, Evans and Qi 2018, "Feature
Squeezing: Detecting Adversarial Examples in Deep Neural Networks", NDSS.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pictures: TypeAlias = NDArray[np.float64]
"""(rows, height, width, channels)."""

Squeezer: TypeAlias = Callable[[Pictures], Pictures]
"""Pictures -> pictures of the same shape."""


def median_2x2(pictures: Pictures) -> Pictures:
    """The median of each pixel, the one above, the one left of it, and the one above that; of four numbers it
    is the third smallest, as SciPy has it."""
    around = mirrored(pictures, before=1, after=0)
    low, high = _sorted(around[:, :-1], around[:, 1:])
    upper, lower = np.minimum(high[:, :, :-1], high[:, :, 1:]), np.maximum(low[:, :, :-1], low[:, :, 1:])
    median: Pictures = np.maximum(upper, lower)
    return median


def median_3x3(pictures: Pictures) -> Pictures:
    """The median of each pixel and its eight neighbours.

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


SQUEEZERS: dict[str, Squeezer] = {
    "median-2x2": median_2x2,
    "median-3x3": median_3x3,
    "bits-1": partial(fewer_levels, bits=1),
    "bits-4": partial(fewer_levels, bits=4),
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
