"""Where distances are equal, the walk ends with the neighbours that scikit-learn's tree ends with."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from sidecar.scoring.ties import Tree


@pytest.mark.parametrize("rows", [3, 29, 31, 61, 200, 1999])
@pytest.mark.parametrize("values", [1, 2, 5])
def test_the_same_rows_as_scikit_learn(rows, values):
    rng = np.random.default_rng(rows)
    train = rng.integers(0, values, (rows, 3)).astype(float)
    asked = rng.integers(-1, values + 1, (25, 3)).astype(float)
    k = min(rows, 20)
    fitted = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(train)
    _, order, nodes, _ = fitted._tree.get_arrays()
    order = np.array(order)
    tree = Tree(train[order], len(nodes).bit_length())
    expected = fitted.kneighbors(asked, return_distance=False)
    for row, who in zip(asked, expected, strict=True):
        assert set(order[tree.nearest(row, k)].tolist()) == set(who.tolist())
