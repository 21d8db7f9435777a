"""Squared distances: SciPy's, for one row and for more rows than are taken at once."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from sidecar.scoring.distance import BLOCK_CELLS, squared, squared_many

RNG = np.random.default_rng(0)


def test_distances_are_scipys_in_every_block():
    points = RNG.normal(size=(300, 7)) + 1e6
    rows = RNG.normal(size=(3 * BLOCK_CELLS // points.size + 1, 7)) + 1e6
    expected = cdist(rows, points, "sqeuclidean")
    assert np.allclose(squared_many(points, rows), expected, rtol=1e-14, atol=0)
    assert np.allclose(squared(points, rows[0]), expected[0], rtol=1e-14, atol=0)


def test_too_far_is_infinitely_far():
    assert squared(np.zeros((1, 2)), np.array((1e200, 0.0))).tolist() == [np.inf]
    assert squared_many(np.zeros((1, 2)), np.array([[1e200, 0.0]])).tolist() == [[np.inf]]
