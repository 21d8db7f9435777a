"""QMCD both ways up: PyOD turns the scores over when most training rows score high."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.agreement import relative
from sidecar.baseline.fitting import fit_detector
from sidecar.scoring.qmcd import Qmcd

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("turned", [True, False])
def test_scores_are_pyods_both_ways_up(turned):
    model = fit_detector("qmcd", RNG.normal(size=(200, 3)), 0)
    assert model._is_flipped
    model._is_flipped = turned
    rows = RNG.normal(size=(30, 3))
    detector = Qmcd.from_pyod(model)
    assert relative(detector.score_many(rows), model.decision_function(rows)) <= 1e-9
