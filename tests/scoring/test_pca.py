"""PCA without what PyOD does by default: scaling, weights, all components."""

from __future__ import annotations

import numpy as np
import pytest
from pyod.models.pca import PCA

from sidecar.baseline.agreement import relative
from sidecar.scoring.pca import Pca

TRAIN = np.random.default_rng(0).normal(size=(90, 4)) * (1, 5, 25, 125)


@pytest.mark.parametrize(
    "parameters", [{"standardization": False}, {"weighted": False}, {"n_selected_components": 2}]
)
def test_other_parameters_score_as_in_pyod(parameters):
    model = PCA(random_state=0, **parameters).fit(TRAIN)
    assert relative(Pca.from_pyod(model).score_many(TRAIN), model.decision_function(TRAIN)) <= 1e-9


def test_a_direction_without_variance_makes_every_row_infinitely_odd():
    none = Pca(np.zeros(2), np.ones(2), np.eye(2), np.array((1.0, 0.0)))
    assert none.score(np.array((3.0, 4.0))) == np.inf
