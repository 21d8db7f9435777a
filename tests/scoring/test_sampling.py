"""Sampling: a row that was drawn is at no distance from itself; without any drawn there is no detector."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.fitting import fit_detector
from sidecar.scoring.sampling import Sampling


def test_rows_that_were_drawn_score_zero():
    train = np.random.default_rng(0).normal(size=(100, 3)) + 1e6
    model = fit_detector("sampling", train, 0)
    assert Sampling.from_pyod(model).score_many(model.subset).tolist() == [0.0] * 20


def test_none_drawn_is_refused():
    with pytest.raises(ValueError, match="array 'drawn' has no rows"):
        Sampling.from_arrays({"drawn": np.empty((0, 2))}, 2)
