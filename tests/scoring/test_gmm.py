"""Mixtures of several components, which are not what PyOD fits by default."""

from __future__ import annotations

import numpy as np
import pytest
from pyod.models.gmm import GMM

from sidecar.baseline.agreement import relative
from sidecar.scoring.gmm import Gmm


def fitted(**parameters: object) -> tuple[GMM, np.ndarray]:
    rng = np.random.default_rng(0)
    train = np.vstack((rng.normal(size=(100, 3)), rng.normal(size=(60, 3)) + 9))
    return GMM(random_state=0, **parameters).fit(train), train


def test_several_components_add_up():
    model, train = fitted(n_components=3)
    rows = np.vstack((train[::9], train[:5] + 1e4))
    assert relative(Gmm.from_pyod(model).score_many(rows), model.decision_function(rows)) <= 1e-9


def test_other_covariances_are_refused():
    model, _ = fitted(covariance_type="diag")
    with pytest.raises(ValueError, match="covariances of type diag have no compiled form"):
        Gmm.from_pyod(model)
