"""Coordinates -> groups of flagged rows, by density, without saying how many groups there should be.

HDBSCAN (Campello, Moulavi and Sander 2013) finds clusters as dense regions that last while the density asked
for is raised. Told of flagged rows only it does badly just where it matters: when one cause stands behind
most of them, that cluster is everything, and only parts of it are found. So as many ordinary rows are put
among them. They give it something to tell the flagged ones from, and an ordinary row that was flagged by
chance falls in with its own kind. A group is a cluster with more flagged rows than chance would put there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.cluster import HDBSCAN

from sidecar.projection import Points

LEAST = 5
"""Rows of the smallest group."""

CHANCE = 0.2
"""The probability at most that a cluster of rows flagged at random would hold so many flagged ones."""

NEIGHBOURS = 5
"""Rows by whose distance density is measured."""

MEDOID_ROWS = 1_000
"""A medoid is looked for among so many rows at most: distances of all pairs are needed."""

Indices = NDArray[np.intp]


class Found(NamedTuple):
    """One group: the numbers of its flagged rows, the most typical first; how many ordinary ones too."""

    members: Indices
    ordinary: int


def groups(points: Points, flagged: int) -> list[Found]:
    """The groups, the largest first. The first `flagged` points were flagged, the others are ordinary."""
    if flagged < LEAST or len(points) <= NEIGHBOURS:
        return []
    smallest, share = max(LEAST, round(flagged**0.5)), flagged / len(points)
    labels = HDBSCAN(
        min_cluster_size=min(smallest, len(points)), min_samples=NEIGHBOURS, copy=True
    ).fit_predict(points)
    found = []
    for label in range(labels.max() + 1):
        rows = np.flatnonzero(labels == label)
        members = rows[rows < flagged]
        chance = binom.sf(members.size - 1, rows.size, share) if share < 1.0 else 0.0
        if 2 * members.size > rows.size and chance <= CHANCE:
            found.append(Found(typical_first(members, points), rows.size - members.size))
    return sorted(found, key=lambda one: -one.members.size)


def typical_first(members: Indices, points: Points) -> Indices:
    """The members by their distance from the medoid: the row from which all others are nearest in sum."""
    few = members[:: max(1, -(-members.size // MEDOID_ROWS))]
    among = points[few]
    squares = (among * among).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * among @ among.T, 0.0))
    medoid = few[int(distances.sum(axis=1).argmin())]
    return members[np.argsort(np.linalg.norm(points[members] - points[medoid], axis=1), kind="stable")]
