"""The forest as flat arrays: to the last bit scikit-learn's, also for odd shapes of trees."""

from __future__ import annotations

import numpy as np
import pytest
from pyod.models.iforest import IForest as PyodForest

from sidecar.baseline.fitting import quiet
from sidecar.scoring.iforest import BLOCK, IForest

PARAMETERS = {
    "default": {},
    "some features": {"max_features": 0.5},
    "bootstrap": {"bootstrap": True},
    "deep": {"max_samples": 1000},
    "one tree": {"n_estimators": 1},
    "one row a tree": {"max_samples": 1},
    "two rows a tree": {"max_samples": 2},
}


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
def test_score_is_equal_to_the_last_bit(parameters):
    rng = np.random.default_rng(0)
    train, rows = rng.normal(size=(1000, 4)), rng.normal(size=(BLOCK + 50, 4)) * 2
    with quiet():
        model = PyodForest(random_state=1, **parameters).fit(train)
        expected = model.decision_function(rows)
    detector = IForest.from_pyod(model)
    assert (detector.score_many(rows) == expected).all()
    assert [detector.score(row) for row in rows[:20]] == expected[:20].tolist()
    again = IForest.from_arrays(detector.arrays(), 4)
    assert (again.score_many(rows) == expected).all()


def test_values_are_compared_as_float32():
    """A value just above a threshold may be rounded to the other side of it, as it is in scikit-learn."""
    rng = np.random.default_rng(0)
    train = rng.integers(0, 3, (300, 2)).astype(float)
    with quiet():
        model = PyodForest(random_state=0).fit(train)
    detector = IForest.from_pyod(model)
    thresholds = np.unique(detector.arrays()["threshold"])
    rows = np.column_stack((np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf)))
    expected = model.decision_function(rows)
    assert (detector.score_many(rows) == expected).all()
    assert [detector.score(row) for row in rows] == expected.tolist()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("feature", 2, "column that the schema doesn't have"),
        ("left", -1, "does not form trees"),
        ("left", 10**9, "does not form trees"),
        ("roots", 10**9, "points outside"),
    ],
)
def test_a_tree_that_leads_nowhere_is_refused(name, value, message):
    with quiet():
        model = PyodForest(random_state=0, n_estimators=3).fit(np.random.default_rng(0).normal(size=(50, 2)))
    arrays = IForest.from_pyod(model).arrays()
    arrays[name] = arrays[name].copy()
    arrays[name][0] = value
    with pytest.raises(ValueError, match=message):
        IForest.from_arrays(arrays, 2)
