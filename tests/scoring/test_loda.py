"""LODA on the edges of its bins: told by the last bit of a sum, and the same as in PyOD."""

from __future__ import annotations

import numpy as np

from sidecar.baseline.agreement import relative
from sidecar.baseline.fitting import fit_detector
from sidecar.scoring.loda import BLOCK, Loda


def test_training_rows_which_made_the_edges():
    train = np.random.default_rng(0).integers(0, 4, (BLOCK * 3, 6)).astype(float)
    model = fit_detector("loda", train, 0)
    expected = np.array([model.decision_function(row[None])[0] for row in train])
    detector = Loda.from_pyod(model)
    assert relative(detector.score_many(train), expected) <= 1e-12
    assert relative(np.array([detector.score(row) for row in train]), expected) <= 1e-12
