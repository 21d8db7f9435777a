"""What p-values are counted from: scores of rows that were not fitted on, each with its weight."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.calibrating import calibrated
from sidecar.baseline.fitted import Fitted, fitted
from sidecar.baseline.split import Parts
from sidecar.errors import BaselineError
from sidecar.wanted import read

ROWS = np.random.default_rng(0).gamma(2.0, size=(200, 3))
PARTS = Parts(np.arange(100), np.arange(100, 120), np.arange(120, 200))


def fits(names: str) -> list[Fitted]:
    return [fitted(one, ROWS[:100], ROWS[120:], 0) for one in read(names)]


def test_each_score_keeps_its_weight():
    made = fits("ecod,knn")
    weights = np.arange(1.0, 81.0)
    arrays = calibrated(made, ROWS, PARTS, weights)
    scores = made[0].detector.score_many(ROWS[PARTS.calibration])
    expected = dict(zip(scores.tolist(), weights.tolist(), strict=True))
    assert arrays["ecod/calibration-weights"].tolist() == [
        expected[one] for one in arrays["ecod/calibration"].tolist()
    ]
    assert (np.diff(arrays["ecod/calibration"]) >= 0).all()
    assert sorted(arrays["calibration/weights"]) == weights.tolist()


def test_without_weights_none_are_stored():
    assert not [name for name in calibrated(fits("ecod"), ROWS, PARTS, None) if "weights" in name]


class Endless:
    def score_many(self, rows: np.ndarray) -> np.ndarray:
        return np.full(len(rows), np.inf)


def test_a_detector_without_a_score_for_a_row_is_refused():
    broken = fits("ecod")[0]._replace(detector=Endless())
    with pytest.raises(BaselineError, match="ecod: has no finite score for some training rows"):
        calibrated([broken], ROWS, PARTS, None)
