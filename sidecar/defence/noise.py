"""How much noise a picture has in places where clean pictures are calm, and how rare that is.

What tells noise from edges is where it is. Around an edge everything differs, also in a picture that is only
blurred or compressed; an attack changes flat parts, too. So each picture is measured at its flat parts, from
its own darkest value to its lightest, so that dim ones are not calmer:

    uneven    how far pixels of flat parts lie from the median of their neighbourhood, which is what a
              squeezer takes out of them: the root of the mean square
    specks    of what is near the ground, the value of most pixels, the share that is not quite
    busy      the share of the picture that is not flat, for noise so strong that nothing is

A picture's noise is its most surprising measure. It gets its conformal p-value from clean pictures that
none of this was chosen by. No model is asked.

Why these measures: docs/defence.md has what was tried on MNIST. Counterpart: `sidecar.baseline.noise`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.defence.pixels import Layout
from sidecar.defence.squeezers import Pictures, median_3x3, mirrored
from sidecar.exchange import Matrix
from sidecar.scoring.calibration import Conformal, Surprise, conformal_from
from sidecar.scoring.detector import Arrays, Floats, need

PREFIX = "clean/noise/"
"""What the names of its arrays in a baseline begin with."""

MEASURES = ("uneven", "specks", "busy")

FLAT = 0.35
"""Shares of its picture's contrast that values around a pixel differ by at most, where a picture is flat."""

AROUND = 2
"""Pixels on each side that are around one: five in a line with itself."""

SPECK = 0.07
"""Share of a picture's contrast beyond which a pixel is not the ground."""

LEAST = 0.01
"""Share of a picture's pixels that its flat parts count as at least, so that two pixels are no picture."""


class Found(NamedTuple):
    """What is said of one picture: its p-value, and which measure was the most surprising."""

    p: float
    by: str


class Noise:
    """The noise of clean pictures, and how rare that of a new one is. Immutable."""

    def __init__(self, layout: Layout, standard: Matrix, conformal: Conformal) -> None:
        """`standard`: measures of clean pictures, (rows, len(MEASURES)); `conformal`: the noise of others."""
        self.layout = layout
        self._surprises = [Surprise(column) for column in standard.T]
        self._conformal = conformal

    @property
    def finest_p(self) -> float:
        """The smallest p-value there can be."""
        return self._conformal.finest

    def found(self, rows: Matrix) -> list[Found]:
        """What is said of each of `rows`, (rows, values); p is NaN where a value is none."""
        measured = measures(self.layout.pictures(rows))
        if len(rows) == 1 and np.isfinite(measured).all():
            return [self._one(measured[0].tolist())]
        surprises = self._surprising(measured)
        p = self._conformal.p_many(surprises.max(axis=1))
        p[~np.isfinite(rows).all(axis=1)] = np.nan
        return [
            Found(each, MEASURES[most])
            for each, most in zip(p.tolist(), surprises.argmax(axis=1).tolist(), strict=True)
        ]

    def _one(self, measured: list[float]) -> Found:
        """The same for one picture, in less time."""
        nats = [surprise.one(value) for surprise, value in zip(self._surprises, measured, strict=True)]
        greatest = max(nats)
        return Found(self._conformal.p(greatest), MEASURES[nats.index(greatest)])

    def of(self, rows: Matrix) -> Floats:
        """The noise of each of `rows`: what p-values rank."""
        return self.of_measured(measures(self.layout.pictures(rows)))

    def of_measured(self, measured: Matrix) -> Floats:
        """The same of what has been measured, (rows, len(MEASURES))."""
        greatest: Floats = self._surprising(measured).max(axis=1)
        return greatest

    def _surprising(self, measured: Matrix) -> Matrix:
        columns = zip(self._surprises, measured.T, strict=True)
        return np.column_stack([surprise.many(column) for surprise, column in columns])


def measures(pictures: Pictures) -> Matrix:
    """What is measured of pictures, (rows, height, width, channels) -> (rows, len(MEASURES))."""
    own = _stretched(pictures)
    low, high = _extremes(own)
    flat = high - low <= FLAT
    residual = own - median_3x3(own)
    uneven = np.sqrt(_share(residual * residual, flat))
    ground = _ground(own)
    near = np.maximum(high - ground, ground - low) <= FLAT
    specks = _share(np.abs(own - ground) > SPECK, near)
    return np.column_stack((uneven, specks, 1.0 - _sum(flat) / flat[0].size))


def _stretched(pictures: Pictures) -> Pictures:
    """From each picture's darkest value, which becomes 0, to its lightest, 1."""
    flat = pictures.reshape(len(pictures), -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    with np.errstate(over="ignore"):
        beyond = np.isinf(high - low)
    if beyond.any():  # from one end of the numbers to the other: half of it is as good
        half = np.where(beyond, 0.5, 1.0)
        pictures, low, high = pictures * half[:, None, None, None], low * half, high * half
    contrast = high - low
    contrast[contrast == 0.0] = 1.0
    own: Pictures = (pictures - low[:, None, None, None]) / contrast[:, None, None, None]
    return own


def _ground(pictures: Pictures) -> Pictures:
    """The value of most pixels, where there is one: the upper median. (rows, 1, 1, 1)."""
    flat = pictures.reshape(len(pictures), -1)
    # Sorted: among as many equal values as a plain ground has, partitioning takes ten times as long.
    return np.sort(flat, axis=1)[:, flat.shape[1] // 2, None, None, None]


def _extremes(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """The least and the greatest value around each pixel."""
    around = mirrored(pictures, before=AROUND, after=AROUND)
    return _of_five(np.minimum, around), _of_five(np.maximum, around)


def _of_five(extreme: np.ufunc, around: Pictures) -> Pictures:
    """The extreme of each five in a column, then of each five of those in a row: of two, of four, of five."""
    two = extreme(around[:, :-1], around[:, 1:])
    five = extreme(extreme(two[:, :-3], two[:, 2:-1]), around[:, 4:])
    two = extreme(five[:, :, :-1], five[:, :, 1:])
    found: Pictures = extreme(extreme(two[:, :, :-3], two[:, :, 2:-1]), five[:, :, 4:])
    return found


def _share(values: NDArray[np.generic], where: NDArray[np.bool_]) -> Floats:
    """Each picture's sum of values in some places, by how many places those are."""
    share: Floats = _sum(values * where) / np.maximum(_sum(where), LEAST * where[0].size)
    return share


def _sum(values: NDArray[np.generic]) -> Floats:
    total: Floats = np.add.reduce(values.reshape(len(values), -1), axis=1, dtype=np.float64)
    return total


def from_arrays(layout: Layout, arrays: Arrays) -> Noise:
    """The noise of clean pictures that a baseline has stored. Raises ValueError when its arrays are none."""
    standard = need(arrays, f"{PREFIX}standard", np.float64, -1, -1)
    if standard.shape[1] != len(MEASURES):
        raise ValueError("an earlier sidecar measured the noise of its pictures otherwise: fit it again")
    return Noise(
        layout,
        standard,
        conformal_from(arrays, f"{PREFIX}calibration", f"{PREFIX}weights"),
    )
