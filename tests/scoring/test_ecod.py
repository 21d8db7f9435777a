"""ECOD's heights: the farther tail, both where skewness is zero, no question where it cannot matter."""

from __future__ import annotations

import numpy as np

from sidecar.scoring.ecod import Ecod
from sidecar.scoring.tails import DOUBT


def test_heights():
    left = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    right = np.array([2.0, 2.0, 2.0, 2.0, 3.0])
    sign = np.array([-1, 1, 0, DOUBT, DOUBT])
    heights = Ecod.heights(left, right, sign)
    assert heights[[0, 1, 2, 4]].tolist() == [2.0, 2.0, 3.0, 3.0]
    assert np.isnan(heights[3])
