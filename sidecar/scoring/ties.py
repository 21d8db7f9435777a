"""Who is a neighbour where several training rows are equally far away: whoever scikit-learn's tree meets in
time.

Where only distances count, it doesn't matter who is taken. LOF looks at the neighbours themselves, so it
does. A k-d tree is walked from the root, the nearer half first, and every row that is nearer than the
farthest so far takes its place in a heap of k. This repeats that, for rows with a tie only (duplicates,
integers): a few milliseconds each for 10,000 training rows.

Source: scikit-learn 1.9 `sklearn/neighbors/_binary_tree.pxi.tp`, `_kd_tree.pyx.tp`,
`sklearn/utils/_heap.pyx`.
"""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Row


class Tree:
    """A k-d tree over training rows in the tree's own order: each node's rows are a stretch of them."""

    def __init__(self, train: Matrix, levels: int) -> None:
        """`train`: shape (rows, columns), each half of every stretch in its own half. `levels`: at least
        1."""
        stretches = _stretches(len(train), levels)
        self._train = train
        self._leaves = stretches[len(stretches) // 2 :]
        self._low = np.array([train[a:b].min(axis=0) for a, b in stretches])
        self._high = np.array([train[a:b].max(axis=0) for a, b in stretches])

    def nearest(self, row: Row, k: int) -> NDArray[np.intp]:
        """Numbers of the `k` training rows that the walk ends with, in no order."""
        apart = self._train - row
        squared = (apart * apart).cumsum(axis=1)[:, -1]
        heap: list[tuple[float, int]] = [(inf, 0)] * k
        for a, b in self._in_order(row):
            for at, distance in enumerate(squared[a:b].tolist(), start=a):
                if distance < heap[0][0]:
                    _push(heap, distance, at)
        return np.array([at for _, at in heap])

    def _in_order(self, row: Row) -> list[tuple[int, int]]:
        """The leaves in the order of the walk. No leaf is left out: what lies in one that scikit-learn cuts
        off is too far away to enter the heap."""
        below, above = np.maximum(self._low - row, 0.0), np.maximum(row - self._high, 0.0)
        gaps = ((below + above) ** 2).cumsum(axis=1)[:, -1].tolist()
        first_leaf = len(gaps) // 2
        found = []
        waiting = [0]
        while waiting:
            node = waiting.pop()
            if node >= first_leaf:
                found.append(self._leaves[node - first_leaf])
                continue
            one, two = 2 * node + 1, 2 * node + 2
            waiting += (two, one) if gaps[one] <= gaps[two] else (one, two)
        return found


def _stretches(rows: int, levels: int) -> list[tuple[int, int]]:
    """From and to of each node, level by level: the lower half is the smaller one."""
    found = [(0, rows)]
    for node in range(2 ** (levels - 1) - 1):
        start, end = found[node]
        middle = start + (end - start) // 2
        found += ((start, middle), (middle, end))
    return found


def _push(heap: list[tuple[float, int]], distance: float, at: int) -> None:
    """Put a nearer one in the place of the farthest. Which of several farthest goes is decided by how the
    heap happens to lie, so this is not `heapq`."""
    place = 0
    while (child := 2 * place + 1) < len(heap):
        if child + 1 < len(heap) and heap[child][0] < heap[child + 1][0]:
            child += 1
        if heap[child][0] <= distance:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = (distance, at)
