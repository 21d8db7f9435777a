"""The nearest training rows of a row, by brute force: to the last bit the distances of scikit-learn's trees.

The product form of the distance, |x|^2 - 2xy + |y|^2, is one call of BLAS for all training rows, but loses
digits. So it only finds candidates, with a bound on its error; their distances are then taken exactly,
differences first. A row costs one pass over the training rows (10,000 x 20: about 50 us).

Memory: two copies of the training rows, 16 bytes a value (10,000 x 20: 3.2 MB), in every worker process.
Counterpart: `sidecar.scoring.ties`, which settles who is a neighbour where distances are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Floats, Row

BLOCK = 32
"""Training rows of which only the nearest takes part in the first round."""

BATCH_CELLS = 1 << 18
"""Distances held at once for a batch: 2 MiB."""

_EPS = float(np.finfo(np.float64).eps)


class Nearest(NamedTuple):
    """The k nearest training rows of one row, nearest first."""

    squared: Floats
    """Squared distances, shape (k,); infinite where they overflow."""
    at: NDArray[np.intp]
    """Numbers of the training rows."""
    tied: bool
    """There are more training rows at the largest of these distances than were taken."""


class Neighbours:
    """Training rows to be near to. Immutable."""

    def __init__(self, train: Matrix, k: int) -> None:
        """`train`: shape (rows, columns); 1 <= k <= rows. Raises ValueError otherwise."""
        if not 1 <= k <= len(train):
            raise ValueError(f"array 'train' has {len(train)} rows, too few for {k} neighbours")
        self.train = train
        self.k = k
        self._centre = train.mean(axis=0)
        centred = train - self._centre
        half = np.einsum("ij,ij->i", centred, centred) / 2.0
        self._radius = float(np.sqrt(2.0 * half.max()))
        # Padded to whole blocks with points infinitely far away.
        padding = -len(train) % BLOCK
        self._half = np.append(half, np.full(padding, np.inf))
        self._across = np.ascontiguousarray(np.vstack((centred, np.zeros((padding, train.shape[1])))).T)
        self._slack = 16.0 * (train.shape[1] + 4) * _EPS

    def of(self, row: Row) -> Nearest:
        """The nearest of one row, shape (columns,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            off = row - self._centre
            return self._nearest(row, self._half - off @ self._across, float(off @ off))

    def distances(self, matrix: Matrix) -> Matrix:
        """Distances to the k nearest of each row, ascending, shape (rows, k)."""
        rows = max(1, BATCH_CELLS // self._half.size)
        parts = [self._distances(matrix[i : i + rows]) for i in range(0, len(matrix), rows)]
        return np.concatenate(parts) if parts else np.empty((0, self.k))

    def of_many(self, matrix: Matrix) -> Iterator[Nearest]:
        """The nearest of each row."""
        rows = max(1, BATCH_CELLS // self._half.size)
        for i in range(0, len(matrix), rows):
            part = matrix[i : i + rows]
            with np.errstate(over="ignore", invalid="ignore"):
                off = part - self._centre
                roughly = self._half - off @ self._across
                lengths = np.einsum("ij,ij->i", off, off).tolist()
            for row, rough, length in zip(part, roughly, lengths, strict=True):
                yield self._nearest(row, rough, length)

    def _distances(self, matrix: Matrix) -> Matrix:
        """As `_nearest`, for all rows at once: the candidates of all in one list, each row's together."""
        with np.errstate(over="ignore", invalid="ignore"):
            off = matrix - self._centre
            rough = off @ self._across
            np.subtract(self._half, rough, out=rough)
            lengths = np.einsum("ij,ij->i", off, off)
            slack = self._slack * (self._radius + np.sqrt(lengths)) ** 2
            minima = rough.reshape(len(matrix), BLOCK, -1).min(axis=1)
            each = minima if minima.shape[1] >= 2 * self.k else rough
            bound = np.partition(each, self.k - 1, axis=1)[:, self.k - 1] + 2.0 * slack
            near = ~(rough > bound[:, None])
            near[:, len(self.train) :] = False
            row, candidate = np.nonzero(near)
            apart = self.train.take(candidate, axis=0) - matrix.take(row, axis=0)
            squared = (apart * apart).cumsum(axis=1)[:, -1]
        order = np.lexsort((squared, row))
        first = np.searchsorted(row, np.arange(len(matrix)))
        found: Matrix = np.sqrt(squared[order[first[:, None] + np.arange(self.k)]])
        return found

    def _nearest(self, row: Row, rough: Floats, length: float) -> Nearest:
        """`rough`: half the squared distances, less `length` / 2, with an error of at most `slack`."""
        slack = self._slack * (self._radius + length**0.5) ** 2
        candidates = np.flatnonzero(~(rough > self._bound(rough) + 2.0 * slack)[: len(self.train)])
        with np.errstate(over="ignore"):
            apart = self.train[candidates] - row
            # cumsum adds one by one, as the trees do.
            squared = (apart * apart).cumsum(axis=1)[:, -1]
        order = squared.argsort(kind="stable")
        nearest = order[: self.k]
        farthest = squared[nearest[-1]]
        tied = len(order) > self.k and bool(squared[order[self.k]] == farthest)
        return Nearest(squared[nearest], candidates[nearest], tied)

    def _bound(self, rough: Floats) -> float:
        """At least the k-th smallest of `rough`: the k-th smallest of the blocks' minima, without sorting."""
        minima = rough.reshape(BLOCK, -1).min(axis=0)
        if len(minima) >= 2 * self.k:
            return float(np.partition(minima, self.k - 1)[self.k - 1])
        return float(np.partition(rough, self.k - 1)[self.k - 1])
