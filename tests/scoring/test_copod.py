"""COPOD's heights: the tail that the skewness names, or the mean, and no question where it cannot matter."""

from __future__ import annotations

import numpy as np

from sidecar.scoring.copod import Copod
from sidecar.scoring.tails import DOUBT


def test_heights():
    left = np.array([3.0, 1.0, 1.0, 0.5, 1.0, 0.0])
    right = np.array([2.0, 2.0, 2.0, 8.0, 2.0, 0.0])
    sign = np.array([-1, 1, 0, -1, DOUBT, DOUBT])
    heights = Copod.heights(left, right, sign)
    assert heights[[0, 1, 2, 3, 5]].tolist() == [3.0, 2.0, 3.0, 4.25, 0.0]
    assert np.isnan(heights[4])
