"""One wanted detector -> fitted, and compiled if it comes out equal to PyOD's; else held ready for the
worker.

A detector named without parameters is compiled or of the worker as the table says. With parameters the
compiled form is tried, and what has none, or another score, goes through the worker: the entry says which it
was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sidecar.baseline import agreement, fitting, uncompiled
from sidecar.exchange import Matrix
from sidecar.scoring import artifact
from sidecar.scoring.artifact import CHECKED, CHECKED_ROWS, CHECKS, ROWS
from sidecar.scoring.detector import Arrays, Scorer
from sidecar.scoring.detectors import DETECTORS
from sidecar.wanted import Wanted


class Fitted(NamedTuple):
    """One detector as it is used now, and what is stored of it."""

    detector: Scorer
    entry: artifact.Fitted
    arrays: Arrays
    """Under names of its own."""


def fitted(wanted: Wanted, train: Matrix, held_out: Matrix, seed: int) -> Fitted:
    """Raises DataError when PyOD cannot fit it, UsageError when PyOD doesn't know a parameter, BaselineError
    when its scores could not be relied on."""
    compiled = DETECTORS.get(wanted.detector)
    if compiled is None:
        return _apart(wanted, train, held_out, seed)
    model = fitting.fit_detector(wanted, train, seed)
    try:
        detector = compiled.from_pyod(model)
        difference, compared = agreement.compare(wanted.text, detector, model, train, held_out)
    except Exception:  # what a compiled form makes of a model of another kind is anybody's guess
        if not wanted.parameters:
            raise
        return _apart(wanted, train, held_out, seed)
    entry = artifact.Fitted(wanted.name, fitting.parameters(model), difference, compared, wanted.text)
    return Fitted(detector, entry, detector.arrays())


def stored_rows(fits: Sequence[Fitted], train: Matrix, held_out: Matrix) -> Arrays:
    """What the worker fits its detectors on, and tries them with; nothing where it has none."""
    rows = [fit.entry.rows for fit in fits if fit.entry.apart]
    return {ROWS: train[: max(rows)].copy(), CHECKS: _checks(train, held_out)} if rows else {}


def _apart(wanted: Wanted, train: Matrix, held_out: Matrix, seed: int) -> Fitted:
    rows = min(len(train), fitting.ALL[wanted.detector].rows or fitting.APART_ROWS)
    checks = _checks(train, held_out)
    tried = uncompiled.tried(wanted, train[:rows], checks, seed)
    entry = artifact.Fitted(
        wanted.name,
        fitting.parameters(tried.model),
        0.0,
        len(checks),
        wanted.text,
        apart=True,
        alone=tried.alone,
        rows=rows,
    )
    numbers = np.isfinite(tried.scores)
    arrays = {CHECKED: tried.scores[numbers], CHECKED_ROWS: np.flatnonzero(numbers)}
    return Fitted(tried.detector, entry, arrays)


def _checks(train: Matrix, held_out: Matrix) -> Matrix:
    return np.vstack((held_out[: agreement.HELD_OUT], agreement.ends(train)))
