"""CBLOF between two clusters, one large and one small: which one a row belongs to decides its distance."""

from __future__ import annotations

import numpy as np
import pytest
from pyod.models.cblof import CBLOF

from sidecar.baseline.agreement import relative
from sidecar.scoring.cblof import Cblof

RNG = np.random.default_rng(0)
TRAIN = np.vstack((RNG.normal(size=(190, 2)), RNG.normal(size=(10, 2)) + 20.0))


def test_from_a_large_cluster_to_a_small_one():
    model = CBLOF(n_clusters=2, random_state=0).fit(TRAIN)
    steps = np.linspace(-0.2, 1.2, 200)[:, None]
    large, small = model.cluster_centers_[[model.large_cluster_labels_[0], model.small_cluster_labels_[0]]]
    rows = np.vstack((large + steps * (small - large), (large + small) / 2))
    expected = np.array([model.decision_function(row[None])[0] for row in rows])
    detector = Cblof.from_pyod(model)
    assert relative(detector.score_many(rows), expected) <= 1e-12
    assert relative(np.array([detector.score(row) for row in rows]), expected) <= 1e-12


def test_weights_are_refused():
    with pytest.raises(ValueError, match="weights by cluster size have no compiled form"):
        Cblof.from_pyod(CBLOF(n_clusters=2, use_weights=True, random_state=0).fit(TRAIN))
