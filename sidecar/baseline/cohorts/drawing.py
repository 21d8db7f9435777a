"""Draws the projection in which rows are grouped: ranks, levels, then principal components.

At most 20 components are kept. In many dimensions all rows are about equally far from each other, so that no
group is denser than what surrounds it; and with few components neighbours are found fast.
Counterpart: `sidecar.projection`, which places rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.decomposition import PCA

from sidecar.exchange import Matrix
from sidecar.features import Field
from sidecar.projection import Column, Points, Projection, encoded

AXES = 20
"""Coordinates in which rows are grouped."""

KNOTS = 64
"""Values at which a number's rank is kept; between them it's a straight line."""

LEVELS = 20
"""Values of a category with a column of their own; rarer ones have none."""

RARE = 0.01
"""A value or a gap in a smaller share of the rows makes no column: it would be noise."""


def draw(pool: Matrix, fields: Sequence[Field]) -> Projection | None:
    """The projection of `pool`, (rows, fields), NaN where missing; None when all its rows are the same."""
    columns = [column for i, field in enumerate(fields) for column in _columns(pool[:, i], i, field)]
    if not columns:
        return None
    coordinates = encoded(pool, columns)
    pca = PCA(min(AXES, *coordinates.shape), random_state=0).fit(coordinates)
    return Projection(
        tuple(columns),
        tuple(pca.mean_.tolist()),
        tuple(map(tuple, pca.components_.tolist())),
        tuple(pca.explained_variance_ratio_.tolist()),
    )


def aligned(fresh: Projection, previous: Projection | None, rows: Matrix) -> Projection:
    """`fresh` turned and mirrored so that `rows` lie as they did on the `previous` map, as far as they can.

    The rotation solves the orthogonal Procrustes problem (Schoenemann 1966). Without it a map might be upside
    down whenever it's drawn anew.
    """
    if previous is None or len(previous.axes) != len(fresh.axes):
        return fresh
    if any(column.field >= rows.shape[1] for column in previous.columns):
        return fresh
    old, new = previous.place(rows), fresh.place(rows)
    left, _, right = np.linalg.svd((new - new.mean(axis=0)).T @ (old - old.mean(axis=0)))
    turned = (left @ right).T @ np.array(fresh.axes)
    shares = (left @ right).T ** 2 @ np.array(fresh.shares)
    return msgspec.structs.replace(
        fresh, axes=tuple(map(tuple, turned.tolist())), shares=tuple(shares.tolist())
    )


def pairs(points: Points) -> tuple[tuple[float, float], ...]:
    """Points of a map as pairs; a map with one axis lies along the first coordinate."""
    flat = np.zeros((len(points), 2))
    flat[:, : points.shape[1]] = points[:, :2]
    return tuple((x, y) for x, y in flat.tolist())


def _columns(values: NDArray[np.float64], number: int, field: Field) -> list[Column]:
    missing = np.isnan(values)
    known = values[~missing]
    columns = _levels(known, number) if field.categories else _rank(known, number)
    if RARE <= missing.mean() < 1.0:
        columns.append(Column(number, "missing"))
    return columns


def _levels(known: NDArray[np.float64], number: int) -> list[Column]:
    levels, counts = np.unique(known, return_counts=True)
    if levels.size < 2:
        return []
    frequent = np.argsort(-counts, kind="stable")[:LEVELS]
    frequent = frequent[counts[frequent] >= RARE * known.size]
    return [Column(number, "level", (level,)) for level in levels[np.sort(frequent)].tolist()]


def _rank(known: NDArray[np.float64], number: int) -> list[Column]:
    known = known[np.isfinite(known)]
    if not known.size or known.min() == known.max():
        return []
    knots, first = np.unique(known, return_index=True)
    ranks = (rankdata(known) - 0.5)[first] / known.size
    if knots.size > KNOTS:
        # Evenly spaced in rank, and both ends.
        wanted = np.linspace(ranks[0], ranks[-1], KNOTS)
        chosen = np.unique(np.append(np.searchsorted(ranks, wanted[:-1]), knots.size - 1))
        knots, ranks = knots[chosen], ranks[chosen]
    return [Column(number, "rank", tuple(knots.tolist()), tuple(ranks.tolist()))]
