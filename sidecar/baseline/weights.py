"""How much each training row counts when p-values are calibrated: by a column, or by what recent rows are
like.

    --weights COLUMN   known: rows were drawn unevenly, and each stands for so many (a capture's weights)
    --towards FILE     estimated: the reference has aged, and recent clean rows say what traffic is like now

The second is a logistic regression that tells recent rows from reference rows: its odds are the ratio of the
two densities (Tibshirani et al. 2019, section 2.3). It sees only rows that calibrate nothing, and its weights
are kept between a twentieth and twenty. Counterpart: `sidecar.scoring.calibration.WeightedConformal`.
"""

from __future__ import annotations

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression

from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.scoring.detector import Floats

MOST = 20.0
"""A row counts at most so many times as much as on average, and at least that part of it."""

LEAST_ROWS = 40
"""Recent rows to learn from."""


def taken(table: Table, column: str) -> tuple[Table, Floats]:
    """The table without the column of weights, and these. Raises DataError when they are none."""
    if column not in table.columns:
        raise DataError(
            f"{table.file}: has no column {column!r} of weights; it has {', '.join(table.columns)}"
        )
    rest = dict(table.columns)
    weights = rest.pop(column)
    if weights.dtype.kind not in "fiu" or weights.ndim != 1:
        raise DataError(f"{table.file}: column {column!r} of weights holds something else than numbers")
    weights = weights.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights > 0)))
    if wrong.size:
        raise DataError(
            f"{table.file}: row {wrong[0] + 1}, column {column!r}: {weights[wrong[0]]:g} is no weight;"
            " each row needs a positive number"
        )
    return msgspec.structs.replace(table, columns=rest), weights


def towards(reference: Matrix, recent: Matrix, rows: Matrix) -> Floats:
    """How much more often such `rows` occur among `recent` rows than among `reference` rows: one on average.

    All three as detectors see them. Raises DataError when recent rows are too few."""
    if len(recent) < LEAST_ROWS:
        raise DataError(f"{len(recent)} recent rows are too few to weigh by; give at least {LEAST_ROWS}")
    centre, scale = reference.mean(axis=0), reference.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    both = (np.vstack((reference, recent)) - centre) / scale
    is_recent = np.repeat((0, 1), (len(reference), len(recent)))
    model = LogisticRegression(max_iter=1000).fit(np.clip(both, -10, 10), is_recent)
    log_odds = model.decision_function(np.clip((rows - centre) / scale, -10, 10))
    ratio = np.exp(np.clip(log_odds - np.log(len(recent) / len(reference)), -30, 30))
    weights = np.clip(ratio, 1 / MOST, MOST)
    mean_one: Floats = weights / weights.mean()
    return mean_one


def effective(weights: Floats) -> float:
    """How many rows of equal weight calibrate as finely (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
