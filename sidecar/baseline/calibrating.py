"""Scores of rows that detectors never saw -> what p-values are counted from.

Counterpart: `sidecar.scoring.calibration`, which counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sidecar.baseline.fitted import Fitted
from sidecar.baseline.split import Parts
from sidecar.errors import BaselineError
from sidecar.exchange import Matrix
from sidecar.scoring.calibration import Surprise
from sidecar.scoring.combination import COMBINATIONS, combined
from sidecar.scoring.detector import Arrays, Floats

COMBINATION = "fisher"


def calibrated(fits: Sequence[Fitted], matrix: Matrix, parts: Parts, weights: Floats | None) -> Arrays:
    """The detectors' own arrays, and their scores on the rows that they were not fitted on.

    `weights`: how much each calibration row counts, in the order of `parts.calibration`."""
    standard = _scores(fits, matrix[parts.standard])
    calibration = _scores(fits, matrix[parts.calibration])
    arrays: Arrays = {}
    for j, (_, entry, own) in enumerate(fits):
        arrays |= {f"{entry.name}/{key}": array for key, array in own.items()}
        arrays[f"{entry.name}/standard"] = np.sort(standard[:, j])
        arrays |= _ascending(
            f"{entry.name}/calibration", f"{entry.name}/calibration-weights", calibration[:, j], weights
        )
    if len(fits) > 1:
        surprises = [Surprise(standard[:, j]) for j in range(len(fits))]
        statistic = combined(surprises, COMBINATIONS[COMBINATION], calibration)
        arrays |= _ascending("calibration/combined", "calibration/weights", statistic, weights)
    return arrays


def _ascending(name: str, weight_name: str, scores: Floats, weights: Floats | None) -> Arrays:
    order = np.argsort(scores, kind="stable")
    return {name: scores[order], **({} if weights is None else {weight_name: weights[order]})}


def _scores(fits: Sequence[Fitted], matrix: Matrix) -> Floats:
    """Raw scores, shape (rows, detectors)."""
    scores = np.column_stack([fit.detector.score_many(matrix) for fit in fits])
    for j, (_, entry, _) in enumerate(fits):
        if not np.isfinite(scores[:, j]).all():
            raise BaselineError(
                f"{entry.name}: has no finite score for some training rows; leave this detector out"
            )
    return scores
