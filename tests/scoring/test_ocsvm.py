"""OCSVM on its boundary, where the score is what rounding leaves of a difference."""

from __future__ import annotations

import numpy as np
import pytest
from pyod.models.ocsvm import OCSVM

from sidecar.baseline.agreement import relative
from sidecar.scoring.ocsvm import CLOSE, Ocsvm

TRAIN = np.random.default_rng(0).normal(size=(600, 3))


def test_on_the_boundary_the_score_is_pyods_too():
    model = OCSVM().fit(TRAIN)
    detector = Ocsvm.from_pyod(model)
    inside, outside = TRAIN.mean(axis=0), np.full(3, 4.0)
    for _ in range(50):  # bisect towards a score of 0
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if detector.score(middle) < 0 else (inside, middle)
        (expected,) = model.decision_function(middle[None])
        assert relative(np.array((detector.score(middle),)), np.array((expected,))) <= 1e-9
    assert abs(expected) < CLOSE * 1e-6


def test_other_kernels_are_refused():
    with pytest.raises(ValueError, match="kernel linear has no compiled form"):
        Ocsvm.from_pyod(OCSVM(kernel="linear").fit(TRAIN))
