"""The protocol: a set dealt out under a seed, and what scores of its test rows are worth."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Scores

ROWS = 10_000
"""Training rows at most."""

TESTED = 20_000
"""Test rows of each kind at most; only sets of more than 66,000 rows have so many."""

COIN = 0.5
"""What counts where PyOD cannot fit or score."""


class Split(NamedTuple):
    """One set under one seed."""

    train: Matrix
    test: Matrix
    outlier: NDArray[np.int64]
    """Of each test row: 1 for an outlier."""


def split(file: Path, seed: int) -> Split:
    """Shuffle and deal out 70 to 30, outliers and others each. Columns that are constant in training are left
    out, as `sidecar fit` does."""
    with np.load(file) as data:
        X, y = data["X"].astype(np.float64), data["y"].astype(np.int64)
    rng = np.random.default_rng(seed)
    test = np.zeros(len(y), dtype=bool)
    spare = np.zeros(len(y), dtype=bool)
    for kind in (0, 1):
        own = rng.permutation(np.flatnonzero(y == kind))
        cut = round(0.3 * len(own))
        test[own[: min(cut, TESTED)]] = True
        spare[own[min(cut, TESTED) : cut]] = True
    train = rng.permutation(X[~test & ~spare])[:ROWS]
    varying = train.min(axis=0) < train.max(axis=0)
    return Split(np.ascontiguousarray(train[:, varying]), np.ascontiguousarray(X[test][:, varying]), y[test])


def few(part: Split, rows: int) -> NDArray[np.intp]:
    """Test rows of each kind, so many at most: an AUROC is about pairs, so their shares don't matter."""
    return np.concatenate([np.flatnonzero(part.outlier == kind)[:rows] for kind in (0, 1)])


def batch(part: Split, rows: int, seed: int) -> NDArray[np.intp]:
    """Test rows drawn at random, with as large a share of outliers as there is, but two at least."""
    rng, share = np.random.default_rng(seed), min(1.0, rows / len(part.test))
    drawn = []
    for kind, least in ((0, 0), (1, 2)):
        own = np.flatnonzero(part.outlier == kind)
        drawn.append(rng.permutation(own)[: max(least, round(share * len(own)))])
    return np.sort(np.concatenate(drawn))


def auroc(outlier: NDArray[np.int64], scores: Scores | None) -> float:
    return COIN if scores is None else float(roc_auc_score(outlier, np.nan_to_num(scores)))
