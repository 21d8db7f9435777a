"""PyOD models that score for themselves, where there is no compiled form: held to giving the same again.

They cannot be stored, because PyOD's own form on disk is a pickle, which is code. What is stored are the rows
that they were fitted on, their parameters and the seed; the worker fits them again from these. So a detector
must come out the same when it's fitted again, and a row's score must be the row's alone. Both are tried here,
before anything is saved, and some scores are stored for the worker to try it again.

Counterparts: `sidecar.baseline.fit` makes them first, `sidecar.baseline.worker` again and again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sidecar.baseline.agreement import TOLERANCE, relative
from sidecar.baseline.fitting import fit_detector, quiet
from sidecar.errors import BaselineError
from sidecar.exchange import Matrix
from sidecar.scoring.detector import Row, Scores
from sidecar.wanted import Wanted


class Uncompiled:
    """A fitted PyOD model. `alone`: a row's score depends on the others of the batch, so each comes by
    itself."""

    def __init__(self, model: Any, *, alone: bool) -> None:
        self._model = model
        self._alone = alone

    def score(self, row: Row) -> float:
        return float(self.score_many(row[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        if not len(matrix):
            return np.empty(0)
        with quiet():
            if self._alone:
                scores = [self._model.decision_function(row[None])[0] for row in matrix]
            else:
                scores = self._model.decision_function(np.ascontiguousarray(matrix))
        return np.asarray(scores, dtype=np.float64)


class Tried(NamedTuple):
    """A detector that came out the same twice, and what it said of the rows it was tried on."""

    detector: Uncompiled
    model: Any
    alone: bool
    scores: Scores


def tried(wanted: Wanted, train: Matrix, rows: Matrix, seed: int) -> Tried:
    """Fit twice, and score `rows` alone and together. Raises BaselineError unless scores can be relied on,
    and DataError or UsageError as `fit_detector` does."""
    model = fit_detector(wanted, train, seed)
    try:
        scores = Uncompiled(model, alone=True).score_many(rows)
    except Exception as error:
        raise BaselineError(
            f"{wanted.text}: PyOD has no score for a row that comes alone: {error}; leave this detector out"
        ) from error
    again = Uncompiled(fit_detector(wanted, train, seed), alone=True).score_many(rows)
    if not same(scores, again):
        raise BaselineError(
            f"{wanted.text}: fitted again on the same data with the same seed, PyOD scores rows differently,"
            " so there would be other scores after each restart; leave this detector out"
        )
    alone = not same(scores, Uncompiled(model, alone=False).score_many(rows))
    if not np.isfinite(scores).any() or np.ptp(scores[np.isfinite(scores)]) == 0:
        raise BaselineError(
            f"{wanted.text}: PyOD gives every row that comes alone the same score; leave this detector out"
        )
    return Tried(Uncompiled(model, alone=alone), model, alone, scores)


def again(
    wanted: Wanted, train: Matrix, seed: int, *, alone: bool, rows: Matrix, scores: Scores
) -> Uncompiled:
    """The detector as it was stored. Raises BaselineError when it scores `rows` differently now."""
    model = fit_detector(wanted, train, seed)
    found = Uncompiled(model, alone=alone)
    if not same(found.score_many(rows), scores):
        raise BaselineError(
            f"{wanted.text}: fitted again, it scores differently from when the baseline was made, perhaps by"
            " other versions of PyOD, scikit-learn or numpy; fit the baseline again here"
        )
    return found


def same(first: Scores, second: Scores) -> bool:
    """Whether they are equal to PyOD's precision; where one has no number, neither may the other."""
    missing = np.isnan(first)
    if (missing != np.isnan(second)).any():
        return False
    return relative(first[~missing], second[~missing]) <= TOLERANCE
