"""How good predictions probably are where no labels are: an estimate, always called one. Pure functions.

Each row's truth is as yet unknown, but what's expected of it isn't (`sidecar.scoring.expectation`). With two
classes and a score a metric is worked out as if every row counted for both classes, with the chance that its
calibrated score gives each: confidence-based performance estimation (CBPE, as in NannyML). Of other classes
the chance of being right is averaged, of quantities the size of the error (direct loss estimation).

All of it supposes that the truth of rows with the same score and inputs is what it was. Where it is not, it's
concept drift, and the gap to the realised performance is its measure; `concept` is its test.
"""

from __future__ import annotations

import math

import numpy as np

from sidecar.scoring.boosting import Floats
from sidecar.scoring.expectation import Answers, Expectation

LEAST_PROBABILITY = 1e-15


def estimates(known: Expectation, answers: Answers) -> dict[str, float]:
    """Metrics by name, as far as they can be estimated; none without rows."""
    if not len(answers.predicted):
        return {}
    if known.kind == "regression":
        root = math.sqrt(float(known.expected_square(answers).mean()))
        return {"mae": float(known.expected(answers).mean()), "rmse": root}
    p = known.calibrated(answers)
    if known.kind != "binary" or answers.scores.shape[1] != 1:
        return {"accuracy": float(p.mean())}
    return _of_scores(p, answers.scores[:, 0], answers.predicted == 1)


def _of_scores(
    p: Floats, score: Floats, positive: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> dict[str, float]:
    """`p`: each row's chance to be of the positive class; `positive`: whether it's said to be."""
    found = {"accuracy": float(np.where(positive, p, 1 - p).mean())}
    spoken = float(positive.sum() + p.sum())
    if spoken:
        found["f1"] = 2 * float(p[positive].sum()) / spoken
    if 0 < p.sum() < len(p):
        found["auroc"] = auroc(p, score)
    if ((score >= 0) & (score <= 1)).all():
        yes, no = (-np.log(np.maximum(one, LEAST_PROBABILITY)) for one in (score, 1 - score))
        found["log_loss"] = float((p * yes + (1 - p) * no).mean())
        found["brier"] = float((p * (1 - score) ** 2 + (1 - p) * score**2).mean())
    return found


def auroc(p: Floats, score: Floats) -> float:
    """AUROC in which each row is positive by the share `p` and negative by the rest."""
    order = np.argsort(score, kind="stable")
    p, score = p[order], score[order]
    below = np.concatenate(([0.0], np.cumsum(1 - p)))
    first, last = np.searchsorted(score, score), np.searchsorted(score, score, "right")
    return float((p * (below[first] + below[last]) / 2).sum() / (p.sum() * (1 - p).sum()))
