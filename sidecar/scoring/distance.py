"""Euclidean distances as the compiled libraries under PyOD take them: differences first, then their squares.

The product form |x|^2 - 2xy + |y|^2 is faster and loses digits where x and y are close or far from zero; it
serves only to find candidates, in `sidecar.scoring.neighbours`.
"""

from __future__ import annotations

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Floats, Row

BLOCK_CELLS = 1 << 17
"""Differences held at once: 1 MiB."""


def squared(points: Matrix, row: Row) -> Floats:
    """Squared distances from `row`, (columns,), to `points`, (points, columns); inf where they overflow."""
    with np.errstate(over="ignore"):
        apart = points - row
        found: Floats = np.einsum("ij,ij->i", apart, apart)
    return found


def squared_many(points: Matrix, matrix: Matrix) -> Matrix:
    """Squared distances, shape (rows, points)."""
    found = np.empty((len(matrix), len(points)))
    rows = max(1, BLOCK_CELLS // max(1, points.size))
    with np.errstate(over="ignore"):
        for i in range(0, len(matrix), rows):
            apart = matrix[i : i + rows, None, :] - points
            np.einsum("ijk,ijk->ij", apart, apart, out=found[i : i + rows])
    return found
