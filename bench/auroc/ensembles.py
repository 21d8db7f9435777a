"""Several detectors as one. An ensemble has no more rows than a single detector: it fits on nine tenths of
them, and the last tenth brings the scores to one scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.auroc.protocol import Split, auroc
from bench.auroc.singles import scores
from sidecar.baseline.calibrating import COMBINATION
from sidecar.baseline.command import DETECTORS as DEFAULT
from sidecar.scoring.calibration import Surprise
from sidecar.scoring.combination import COMBINATIONS, combined
from sidecar.scoring.detector import Scores

CANDIDATES = ",".join(
    (
        *("ecod+knn-500", "iforest+knn-500", "copod+knn-500", "hbos+knn-500", "pca+knn-500", "mcd+knn-500"),
        *("ecod+iforest", "ecod+knn", "ecod+sampling", "iforest+sampling", "ecod+cblof", "iforest+cblof"),
        *("ecod+inne", "ecod+loda", "ecod+iforest+knn-500", "hbos+iforest+knn-500"),
    )
)
"""Ensembles to choose among: of detectors that take microseconds, one that looks at values and one that looks
at the whole row, and a few others."""


def labels(ensembles: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """What each ensemble under each combination is called, its detectors, and the combination."""
    for names in ensembles:
        for combination in COMBINATIONS if len(names) > 2 else ("fisher", "maximum"):
            ours = " *" if (",".join(names), combination) == (DEFAULT, COMBINATION) else ""
            yield f"{'+'.join(names)} {combination}{ours}", names, combination


def aurocs(part: Split, ensembles: Sequence[tuple[str, ...]], seed: int) -> dict[str, float]:
    """AUROC of each ensemble under each combination, by label."""
    cut = len(part.train) * 9 // 10
    both = np.vstack((part.train[cut:], part.test))
    needed = sorted({name for names in ensembles for name in names})
    found = {name: scores(name, part.train[:cut], both, seed) for name in needed}
    figures = {}
    for label, names, combination in labels(ensembles):
        able = [one for one in (found[name] for name in names) if one is not None]
        figures[label] = auroc(part.outlier, _joined(able, len(part.train) - cut, combination))
    return figures


def _joined(parts: Sequence[Scores], standard: int, combination: str) -> Scores | None:
    if not parts:
        return None
    surprises = [Surprise(each[:standard]) for each in parts]
    raw = np.column_stack([each[standard:] for each in parts])
    return combined(surprises, COMBINATIONS[combination], raw)
