"""A projection of rows to a few coordinates, as plain numbers, so that a row never seen before has a place.

    values -> one or more columns a field, each from 0 to about 1 -> less their mean -> along the axes

A number becomes its rank among the rows the projection was drawn from: whatever its unit and however long
its tail, it's worth as much as any other. A category becomes a column for each of its values, and what may be
missing one more. Counterparts: `sidecar.baseline.cohorts.drawing` draws one; the observer places rows by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix

Points = NDArray[np.float64]
"""Coordinates, shape (rows, axes)."""

LEVEL = 0.5 / 2**0.5
"""What a category adds in its own column: so two different ones are half the length of a number apart."""


class Column(msgspec.Struct, frozen=True, array_like=True):
    """One column. A rank has `knots`, values in ascending order, and their `ranks`; lines lie between, and
    a missing value is in the middle. A level has one knot, the value it stands for."""

    field: int
    kind: Literal["rank", "level", "missing"]
    knots: tuple[float, ...] = ()
    ranks: tuple[float, ...] = ()


class Projection(msgspec.Struct, frozen=True):
    """Where rows are. `axes` has a row for each coordinate and an entry for each column."""

    columns: tuple[Column, ...]
    mean: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]
    shares: tuple[float, ...]
    """How much of the rows' variance lies along each axis."""

    def place(self, values: Matrix) -> Points:
        """The coordinates of `values`, (rows, fields), NaN where missing."""
        axes = np.array(self.axes).reshape(len(self.axes), len(self.columns))
        points: Points = (encoded(values, self.columns) - np.array(self.mean)) @ axes.T
        return points

    def first(self, axes: int) -> Projection:
        """The same with fewer coordinates."""
        return msgspec.structs.replace(self, axes=self.axes[:axes], shares=self.shares[:axes])


def encoded(values: Matrix, columns: Sequence[Column]) -> Matrix:
    """`values`, (rows, fields), as columns, (rows, columns)."""
    out = np.empty((len(values), len(columns)))
    for i, column in enumerate(columns):
        out[:, i] = _encoded(values[:, column.field], column)
    return out


def _encoded(values: NDArray[np.float64], column: Column) -> NDArray[np.float64]:
    if column.kind == "missing":
        return np.where(np.isnan(values), LEVEL, 0.0)
    if column.kind == "level":
        return np.where(values == column.knots[0], LEVEL, 0.0)
    ranks: NDArray[np.float64] = np.interp(values, column.knots, column.ranks)
    ranks[np.isnan(values)] = 0.5
    return ranks
