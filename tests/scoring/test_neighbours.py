"""The nearest rows: found by a rough product, told by exact differences."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from sidecar.scoring.neighbours import Neighbours


@pytest.mark.parametrize("rows", [1, 5, 63, 64, 65, 700, 5000])
@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_distances_are_those_of_a_tree(rows, offset):
    rng = np.random.default_rng(rows)
    train, asked = rng.normal(size=(rows, 6)) + offset, rng.normal(size=(20, 6)) * 2 + offset
    k = min(rows, 5)
    tree = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(train)
    expected, at = tree.kneighbors(asked)
    neighbours = Neighbours(train, k)
    assert (neighbours.distances(asked) == expected).all()
    for row, distances, who, together in zip(asked, expected, at, neighbours.of_many(asked), strict=True):
        alone = neighbours.of(row)
        for found in (alone, together):
            assert (np.sqrt(found.squared) == distances).all()
            assert found.tied or (found.at == who).all()


def test_a_tie_is_told_only_where_it_leaves_a_choice():
    train = np.array([[0.0], [1.0], [1.0], [2.0], [3.0]])
    assert Neighbours(train, 2).of(np.array([0.0])).tied
    assert not Neighbours(train, 3).of(np.array([0.0])).tied
    assert not Neighbours(train, 1).of(np.array([0.1])).tied


def test_more_neighbours_than_rows_are_refused():
    with pytest.raises(ValueError, match="has 3 rows, too few for 4 neighbours"):
        Neighbours(np.zeros((3, 2)), 4)
