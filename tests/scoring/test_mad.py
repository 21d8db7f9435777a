"""MAD where nothing deviates: the median scores 0, all else is huge rather than infinite, as in PyOD."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.fitting import fit_detector, quiet
from sidecar.errors import DataError
from sidecar.scoring.mad import Mad


def test_nothing_deviates():
    model = fit_detector("mad", np.full((50, 1), 3.0), 0)
    rows = np.array([[3.0], [4.0]])
    with quiet():
        expected = model.decision_function(rows).tolist()
    assert expected == [0.0, np.finfo(float).max]
    assert Mad.from_pyod(model).score_many(rows).tolist() == expected


def test_two_columns_are_refused():
    with pytest.raises(DataError, match="just for univariate data"):
        fit_detector("mad", np.ones((50, 2)), 0)
