"""How much noise a picture has in places where clean pictures have none, and how rare that is.

What a squeezer takes out of a picture is its residual: edges and noise. Edges are large and few, an attack's
changes are small and nearly everywhere, so besides the residual's mean its quiet half is looked at: the mean
of what lies between two quantiles. The same is done with the differences of neighbouring pixels, whose
energy is that of the spectrum weighted towards high frequencies (2 - 2 cos of each, by Parseval), but which
can be told of the quiet half alone.

A picture's noise is its most surprising measure. It gets its conformal p-value from clean pictures that
none of this was chosen by. No model is asked.

Why these measures: docs/defence.md has what was tried on MNIST. The residual of bit depth finds most and is
left out, because it calls every brighter picture an attack. Counterpart: `sidecar.baseline.noise`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.defence.pixels import Layout
from sidecar.defence.squeezers import SQUEEZERS, Pictures
from sidecar.exchange import Matrix
from sidecar.scoring.calibration import Conformal, Surprise, conformal_from
from sidecar.scoring.detector import Arrays, Floats, need

PREFIX = "clean/noise/"
"""What the names of its arrays in a baseline begin with."""

RESIDUALS = ("median-2x2", "median-3x3")
"""Squeezers whose residuals are measured."""

QUIET = (0.5, 0.75)
"""Between these quantiles of a residual there is nothing in most pictures with a plain ground."""

GRAIN = ((0.4, 0.6), (0.5, 0.75))
"""The same of differences between neighbours, of which more are edges."""

MEASURES = (
    *(f"{name} {what}" for name in RESIDUALS for what in ("mean", "quiet")),
    *(f"grain {low:.0%}-{high:.0%}".replace("%-", "-") for low, high in GRAIN),
)


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
        greatest: Floats = self._surprising(measures(self.layout.pictures(rows))).max(axis=1)
        return greatest

    def _surprising(self, measured: Matrix) -> Matrix:
        columns = zip(self._surprises, measured.T, strict=True)
        return np.column_stack([surprise.many(column) for surprise, column in columns])


def measures(pictures: Pictures) -> Matrix:
    """What is measured of pictures, (rows, height, width, channels) -> (rows, len(MEASURES))."""
    found = []
    for name in RESIDUALS:
        residual = np.abs(pictures - SQUEEZERS[name](pictures, 1.0)).reshape(len(pictures), -1)
        found += [_mean(residual), *_between(residual, QUIET)]
    across = np.abs(pictures[:, :-1, 1:] - pictures[:, :-1, :-1])
    down = np.abs(pictures[:, 1:, :-1] - pictures[:, :-1, :-1])
    found += _between((across + down).reshape(len(pictures), -1), *GRAIN)
    return np.column_stack(found)


def _between(values: NDArray[np.float64], *quantiles: tuple[float, float]) -> list[Floats]:
    """The mean of each row's values from one quantile to another; of at least one value."""
    count = values.shape[1]
    if not count:  # a picture of one line has no neighbours on both sides
        return [np.zeros(len(values)) for _ in quantiles]
    ends = [(min(int(low * count), count - 1), int(high * count)) for low, high in quantiles]
    parted = np.partition(values, sorted({end for pair in ends for end in pair if end < count}), axis=1)
    return [_mean(parted[:, low : max(high, low + 1)]) for low, high in ends]


def _mean(values: NDArray[np.float64]) -> Floats:
    """Of each row; `ndarray.mean` takes three times as long for few values."""
    mean: Floats = np.add.reduce(values, axis=1) / values.shape[1]
    return mean


def from_arrays(layout: Layout, arrays: Arrays) -> Noise:
    """The noise of clean pictures that a baseline has stored. Raises ValueError when its arrays are none."""
    return Noise(
        layout,
        need(arrays, f"{PREFIX}standard", np.float64, -1, len(MEASURES)),
        conformal_from(arrays, f"{PREFIX}calibration", f"{PREFIX}weights"),
    )
