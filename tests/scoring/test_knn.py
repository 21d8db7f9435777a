"""The three scores of KNN, also for an even number of neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from pyod.models.knn import KNN

from sidecar.baseline.agreement import relative
from sidecar.baseline.fitting import quiet
from sidecar.scoring.knn import Knn, KnnMean, KnnMedian

METHODS = {"largest": Knn, "mean": KnnMean, "median": KnnMedian}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_distances_to_one_score(method, k):
    rng = np.random.default_rng(0)
    train, rows = rng.normal(size=(200, 3)), rng.normal(size=(30, 3))
    with quiet():
        model = KNN(method=method, n_neighbors=k, algorithm="kd_tree").fit(train)
    detector = METHODS[method].from_pyod(model)
    assert relative(detector.score_many(rows), model.decision_function(rows)) <= 1e-14
