"""The outlier sets under `tests/data/adbench`, and rows that tests make up."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sidecar.exchange import Matrix

FOLDER = Path(__file__).parent.parent / "data" / "adbench"
SETS = sorted(path.stem for path in FOLDER.glob("*.npz"))


class Set(NamedTuple):
    """Shuffled rows of one set."""

    clean: Matrix
    outliers: Matrix


@cache
def adbench(name: str) -> Set:
    with np.load(FOLDER / f"{name}.npz") as file:
        X, y = file["X"].astype(np.float64), file["y"]
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    return Set(X[y == 0], X[y == 1])


def ends(train: Matrix) -> Matrix:
    """Rows at, between and far beyond the ends of `train`."""
    low, high = train.min(axis=0), train.max(axis=0)
    span = high - low + 1.0
    return np.array(
        [
            low,
            high,
            train.mean(axis=0),
            np.median(train, axis=0),
            low - span,
            high + 1e6 * span,
            np.zeros_like(low),
        ]
    )
