"""How good the model was on rows of the training data whose truth is known, as a baseline keeps it.

    manifest   which outputs are the prediction, how many rows, how good they were
    arrays     what predictions are expected to turn out to be: `sidecar.scoring.expectation`

Written by `sidecar.baseline.labelled`; the observer compares the first labels that come with it
(`sidecar.observer.truth`).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from sidecar.errors import BaselineError
from sidecar.labels.prediction import Roles, shared
from sidecar.labels.said import Said
from sidecar.scoring import artifact
from sidecar.scoring.boosting import WIDTH
from sidecar.scoring.detector import Arrays, need
from sidecar.scoring.expectation import FOLDS, LEAST, Expectation

PREFIX = "validation/"

FLOATS = ("knots", "square", "turns", "cuts", "edges", "errors")
"""Arrays of an expectation that hold numbers with a fraction."""


class Validated(NamedTuple):
    """What a baseline says of its labelled rows."""

    told: artifact.Validation
    known: Expectation

    def roles(self, names: tuple[str, ...], said: Said) -> Roles | str:
        """What these outputs are, if they are those of the labelled rows; else why they aren't."""
        return shared(self.told.roles, self.told.outputs, names, said)


def arrays(known: Expectation) -> Arrays:
    """What is stored of an expectation."""
    names = (*FLOATS, "seen", "counts")
    return {PREFIX + name: np.asarray(getattr(known, name)) for name in names} | {
        PREFIX + "base": np.array(known.base),
        PREFIX + "least": np.array([known.least]),
    }


def load(directory: Path) -> Validated | None:
    """What the baseline says of labelled rows; None when it was fitted without. Raises BaselineError."""
    manifest, stored = artifact.read(directory)
    if manifest.validation is None:
        return None
    own = {key.removeprefix(PREFIX): array for key, array in stored.items() if key.startswith(PREFIX)}
    try:
        return Validated(manifest.validation, _known(manifest.validation, own, len(manifest.reference)))
    except ValueError as error:
        raise BaselineError(f"{directory / artifact.ARRAYS}: {error}") from error


def _known(told: artifact.Validation, own: Arrays, fields: int) -> Expectation:
    kind, classes = told.roles.kind, len(told.roles.classes)
    by_score = kind == "binary" and len(told.roles.scores) == 1
    groups = 1 if by_score or kind == "regression" else classes
    edges, errors = (need(own, name, np.float64, -1) for name in ("edges", "errors"))
    counts = need(own, "counts", np.int64, (len(edges) + 1) * groups, -1)
    turns = need(own, "turns", np.float64, FOLDS, fields if by_score else fields + 1, WIDTH)
    base = need(own, "base", np.float64, 2)
    if kind == "regression" and counts.shape[1] != len(errors) + 1:
        raise ValueError(f"array 'counts' has {counts.shape[1]} columns for {len(errors) + 1} bins of errors")
    return Expectation(
        kind,
        classes,
        need(own, "knots", np.float64, 2, -1),
        turns.mean(axis=0),
        need(own, "square", np.float64, -1, WIDTH),
        turns,
        (float(base[0]), float(base[1])),
        need(own, "cuts", np.float64, -1),
        edges,
        errors,
        need(own, "seen", np.bool_, fields, WIDTH),
        counts,
        float(need(own, "least", np.float64, 1)[0]) if "least" in own else LEAST,
    )
