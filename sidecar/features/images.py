"""An image -> 31 numbers, whatever its size: what it shows at a glance, not each of its pixels.

It is brought to 32 x 32 by averaging areas, and of that are taken: mean light and its deviation; the 14
lowest frequencies of a cosine transform, without the mean; how much detail there is beyond the lowest 8 x 8
of them; how much neighbouring pixels differ before averaging, and how much they do in the quietest quarter,
which noise raises; eight directions of edges, each with its share of all edges, and how strong edges are;
and how far red and blue lie from green. docs/baselines.md has what was measured. Counterparts:
`sidecar.codecs.image`, which decodes; `sidecar.baseline.columns.images`.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.errors import Undecodable, reason
from sidecar.exchange import Matrix

SIDE = 32
"""Rows and columns that an image is brought to."""

TOGETHER = 64
"""Images brought to 32 x 32 at a time, 40 KB each: a small body may hold very many small ones."""

LONG = 1_024
"""Pixels of a side beyond which each area is averaged by itself. Up to there one product with all of them is
faster; a side of a million pixels, which a body of a megabyte may have, would need a matrix of 32 million."""

CHANNELS = 5
"""Of a thumbnail: three of colour, and grain in two directions."""

LOW = tuple((row, column) for row in range(5) for column in range(5) if 0 < row + column <= 4)
"""The frequencies that are numbers of their own, by row and column of the transform."""

DIRECTIONS = 8

FLAT = 1e-3
"""Strength of all edges together below which there are none: it is rounding."""

NAMES = (
    *("light", "contrast", "detail", "edges", "red", "blue", "grain across", "grain down", "quiet"),
    *(f"frequency {row},{column}" for row, column in LOW),
    *(f"edges {180 * i // DIRECTIONS} degrees" for i in range(DIRECTIONS)),
)

RANGES = {"b": 1.0, "u1": 255.0, "u2": 65_535.0}
"""Kind of pixel -> its white."""


class ImageReading(msgspec.Struct, frozen=True, dict=True, tag_field="kind", tag="image"):
    """How one column of images is read. `white`: its value where the type of pixels doesn't say.

    Each number is told in standard deviations of the reference, `deviations`: some detectors go by
    distance, and light would count more than everything else.
    """

    column: str
    white: float
    deviations: tuple[float, ...] = (1.0,) * len(NAMES)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """`image light`, `image contrast`, ..."""
        return tuple(f"{self.column} {name}" for name in NAMES)

    def read(self, images: NDArray[Any]) -> tuple[Matrix, dict[int, str]]:
        """The numbers of each image, (rows, numbers). Raises Undecodable `not-an-image:F`."""
        if images.ndim not in (3, 4) or images.dtype.kind not in "buif" or 0 in images.shape:
            raise Undecodable(reason("not-an-image", self.column))
        some = (images[start : start + TOGETHER] for start in range(0, len(images), TOGETHER))
        read = [embedding(thumbnails(part, self.white)) for part in some]
        return np.concatenate(read) / np.array(self.deviations), {}


def thumbnails(images: NDArray[Any], white: float) -> NDArray[np.float64]:
    """Images of any size, (rows, height, width[, channels]), as (rows, 32, 32, 5): red, green and blue from 0
    to 1, and how much neighbours differ across and down. What has five channels is one already. Transparency
    is left out."""
    scale = RANGES.get(images.dtype.kind, RANGES.get(images.dtype.str[1:], white))
    if images.ndim == 3:
        images = images[..., None]
    if images.shape[1:] == (SIDE, SIDE, CHANNELS):
        return images.astype(np.float64)
    coloured = images[..., :3] if images.shape[3] >= 3 else images[..., :1]
    small = np.empty((len(images), SIDE, SIDE, CHANNELS))
    for image, out in zip(coloured, small, strict=True):
        pixels = image.astype(np.float32)
        out[..., :3] = _averaged(pixels)
        grey = pixels.mean(axis=2)
        out[..., 3] = _averaged(np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))[..., None])[..., 0]
        out[..., 4] = _averaged(np.abs(np.diff(grey, axis=0, append=grey[-1:]))[..., None])[..., 0]
    small /= scale
    return small


def _averaged(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(height, width, channels) -> (32, 32, channels), each the mean of an area."""
    height, width, _ = pixels.shape
    if max(height, width) <= LONG:
        down, across = _areas(height), _areas(width)
        both = np.tensordot(np.tensordot(down, pixels, axes=(1, 0)), across, axes=(1, 1))
        return np.asarray(both.transpose(0, 2, 1))
    for axis in (0, 1) if height >= width else (1, 0):  # the longer one first, because a short one grows
        pixels = np.moveaxis(_averaged_along(np.moveaxis(pixels, axis, 0)), 0, axis)
    return pixels


def _averaged_along(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of 32 areas along the first axis."""
    length = len(pixels)
    if length <= LONG:
        return np.asarray(np.tensordot(_areas(length), pixels, axes=(1, 0)))
    edges = np.linspace(0.0, length, SIDE + 1)
    means = np.empty((SIDE, *pixels.shape[1:]), dtype=np.float32)
    for i, (start, end) in enumerate(pairwise(edges.tolist())):
        first, last = int(start), min(int(end) + 1, length)
        weights = _overlap(np.array([start]), np.array([end]), np.arange(first, last))[0] * (SIDE / length)
        means[i] = np.tensordot(weights.astype(np.float32), pixels[first:last], axes=(0, 0))
    return means


def embedding(small: NDArray[np.float64]) -> Matrix:
    """(rows, 32, 32, 5) -> the numbers that `NAMES` names."""
    grey = small[..., :3].mean(axis=3)
    cosines = _cosines()
    transform = cosines @ grey @ cosines.T / SIDE
    low = np.stack([transform[:, row, column] for row, column in LOW], axis=1)
    total = (transform**2).sum(axis=(1, 2)) - transform[:, 0, 0] ** 2
    beyond = np.maximum(total - (transform[:, :8, :8] ** 2).sum(axis=(1, 2)) + transform[:, 0, 0] ** 2, 0.0)
    across = np.diff(grey, axis=2)[:, :-1, :]
    down = np.diff(grey, axis=1)[:, :, :-1]
    strength = np.hypot(across, down)
    directions = _directions(across, down, strength)
    green = small[..., 1].mean(axis=(1, 2))
    return np.column_stack(
        (
            grey.mean(axis=(1, 2)),
            grey.std(axis=(1, 2)),
            np.sqrt(beyond),
            strength.mean(axis=(1, 2)),
            small[..., 0].mean(axis=(1, 2)) - green,
            small[..., 2].mean(axis=(1, 2)) - green,
            small[..., 3].mean(axis=(1, 2)),
            small[..., 4].mean(axis=(1, 2)),
            _quiet(small[..., 3] + small[..., 4]),
            low,
            directions,
        )
    )


def _quiet(grain: NDArray[np.float64]) -> NDArray[np.float64]:
    """The grain of the quietest quarter of an image, its mean."""
    cells = grain.reshape(len(grain), -1)
    quarter = cells.shape[1] // 4
    return np.asarray(np.partition(cells, quarter, axis=1)[:, :quarter].mean(axis=1))


def _directions(
    across: NDArray[np.float64], down: NDArray[np.float64], strength: NDArray[np.float64]
) -> Matrix:
    """The share of all edges that each direction has; all the same where there is no edge."""
    angle = np.arctan2(down, across) % np.pi
    which = np.minimum((angle * (DIRECTIONS / np.pi)).astype(np.int64), DIRECTIONS - 1)
    rows = np.arange(len(strength))[:, None, None]
    sums = np.bincount(
        (rows * DIRECTIONS + which).ravel(), strength.ravel(), minlength=len(strength) * DIRECTIONS
    ).reshape(-1, DIRECTIONS)
    total = sums.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > FLAT, sums / np.maximum(total, FLAT), 1.0 / DIRECTIONS))


@lru_cache(maxsize=64)
def _areas(length: int) -> NDArray[np.float32]:
    """What each of `length` pixels adds to each of 32, (32, length): by the part of it that lies there."""
    edges = np.linspace(0.0, length, SIDE + 1)
    return np.asarray(_overlap(edges[:-1], edges[1:], np.arange(length)) * (SIDE / length), dtype=np.float32)


def _overlap(
    starts: NDArray[np.float64], ends: NDArray[np.float64], pixels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much of each pixel lies in each area, (areas, pixels)."""
    overlap = np.minimum(ends[:, None], pixels + 1.0) - np.maximum(starts[:, None], pixels)
    return np.asarray(np.maximum(overlap, 0.0))


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """The orthonormal cosine transform (DCT-II), (32, 32)."""
    n = np.arange(SIDE)
    cosines = np.cos(np.pi / SIDE * (n + 0.5) * n[:, None]) * np.sqrt(2.0 / SIDE)
    cosines[0] /= np.sqrt(2.0)
    return np.asarray(cosines)
