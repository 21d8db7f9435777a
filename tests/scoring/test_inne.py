"""INNE on the surface of its balls, where the training rows that were drawn lie."""

from __future__ import annotations

import numpy as np

from sidecar.baseline.agreement import relative
from sidecar.baseline.fitting import fit_detector
from sidecar.scoring.inne import BLOCK, Inne


def test_rows_that_were_drawn():
    train = np.random.default_rng(0).normal(size=(BLOCK * 2, 3)).round(1)
    model = fit_detector("inne", train, 0)
    expected = np.array([model.decision_function(row[None])[0] for row in train])
    detector = Inne.from_pyod(model)
    assert relative(detector.score_many(train), expected) <= 1e-12
    assert relative(np.array([detector.score(row) for row in train]), expected) <= 1e-12
