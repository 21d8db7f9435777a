"""LOF where many rows are equally far away, in data large enough for a tree of several levels."""

from __future__ import annotations

import numpy as np

from sidecar.baseline.agreement import relative
from sidecar.baseline.fitting import fit_detector
from sidecar.scoring.lof import Lof


def test_integers_score_as_in_pyod_whoever_is_the_neighbour():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 6, (1500, 4)).astype(float)
    model = fit_detector("lof", train, 0)
    rows = rng.integers(-2, 8, (60, 4)).astype(float)
    detector = Lof.from_pyod(model)
    assert relative(detector.score_many(rows), model.decision_function(rows)) <= 1e-9
    assert [detector.score(row) for row in rows] == detector.score_many(rows).tolist()
