"""An answer that flips when the small print is squeezed out of its question.

A clean picture means the same to a model when its faint changes are gone; one that was made to be misread
mostly doesn't. So the model is asked about squeezed pictures, too, and the shift of its answer is how far
the two answers are apart: the sum of differences of its numbers, and of its labels how many differ, of
the row where that is most. The most surprising shift of all squeezers counts, and gets its conformal p-value
from clean pictures.

Xu, Evans and Qi 2018 ("Feature Squeezing", NDSS) take the largest shift; but each squeezer shifts clean
answers by another amount, and the largest is then mostly that of the coarsest squeezer. Counterparts:
`sidecar.proxy.squeezing` asks the model; `sidecar.baseline.shifts` has asked it about clean pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sidecar.defence.noise import Found
from sidecar.defence.pixels import Layout
from sidecar.defence.squeezers import SQUEEZERS
from sidecar.exchange import Matrix
from sidecar.features import Column
from sidecar.scoring.calibration import Conformal, Surprise, conformal_from
from sidecar.scoring.detector import Arrays, Floats, need

PREFIX = "clean/shifts/"
"""What the names of its arrays in a baseline begin with."""

EARLIER = "clean/shift/standard"
"""What was stored when other squeezers were asked with."""

ASKED = ("bits-1", "non-local-means", "bits-4")
"""The squeezers that a model is asked with, each a question more. The first is Xu et al.'s for MNIST, the
others are theirs for coloured pictures. Their medians move honest answers more than attacks'."""


class Shifts:
    """How far clean answers shift, and how rare a new one's shifts are. Immutable."""

    def __init__(self, layout: Layout, standard: Matrix, conformal: Conformal) -> None:
        """`standard`: shifts of clean answers, (rows, len(ASKED)); `conformal`: the surprise of others."""
        self.layout = layout
        self._surprises = [Surprise(column) for column in standard.T]
        self._conformal = conformal

    def questions(self, rows: Matrix) -> dict[str, Matrix]:
        """What else to ask: the rows by each squeezer."""
        return squeezed(self.layout, rows)

    def found(self, shifts: Sequence[float]) -> Found:
        """What is said of an answer by its shifts, in the order of `ASKED`."""
        nats = [surprise.one(shift) for surprise, shift in zip(self._surprises, shifts, strict=True)]
        most = max(nats)
        return Found(self._conformal.p(most), ASKED[nats.index(most)])

    def of(self, shifts: Matrix) -> Floats:
        """The surprise of each row of shifts, (rows, len(ASKED)): what p-values rank."""
        columns = zip(self._surprises, shifts.T, strict=True)
        greatest: Floats = np.column_stack([surprise.many(column) for surprise, column in columns]).max(
            axis=1
        )
        return greatest


def squeezed(layout: Layout, rows: Matrix) -> dict[str, Matrix]:
    """The rows by each squeezer that a model is asked with."""
    pictures = layout.pictures(rows)
    return {name: layout.rows(SQUEEZERS[name](pictures)) for name in ASKED}


def shift(before: Mapping[str, Column], now: Mapping[str, Column]) -> float:
    """How far two answers are apart, in the row where that is most. Raises ValueError when they cannot be
    compared."""
    if list(before) != list(now) or any(len(now[name]) != len(before[name]) for name in before):
        raise ValueError("the answers have other columns or rows")
    apart = sum((_apart(old, now[name]) for name, old in before.items()), np.zeros(1))
    most = float(apart.max(initial=0.0))
    if not np.isfinite(most):
        raise ValueError("an answer holds a number that is none")
    return most


def _apart(old: Column, new: Column) -> Floats:
    if old.dtype.kind in "fiub" and new.dtype.kind in "fiub" and "f" in (old.dtype.kind, new.dtype.kind):
        distance: Floats = np.abs(new.astype(np.float64) - old.astype(np.float64))
        return distance
    return np.not_equal(old, new).astype(np.float64)


def from_arrays(layout: Layout, arrays: Arrays) -> Shifts | None:
    """The shifts of clean answers in a baseline, None when its model was not asked. Raises ValueError."""
    if EARLIER in arrays:
        raise ValueError("an earlier sidecar squeezed its pictures otherwise: fit it again")
    if f"{PREFIX}standard" not in arrays:
        return None
    return Shifts(
        layout,
        need(arrays, f"{PREFIX}standard", np.float64, -1, len(ASKED)),
        conformal_from(arrays, f"{PREFIX}calibration", f"{PREFIX}weights"),
    )
