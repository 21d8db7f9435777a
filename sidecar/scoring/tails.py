"""How far out in the tails of its own column a value lies: what ECOD and COPOD are made of.

For a value x and n training values PyOD joins x to them and takes

    left  = -log((#{train <= x} + 1) / (n + 1))
    right = -log((#{train >= x} + 1) / (n + 1))
    sign of the skewness of the joined column

which are all step functions of x. So a column is cut into steps: with k cuts there are 2k + 1 of them,
2i + 1 is the cut i itself, 2i the gap before it, and 2k all beyond the last. The cuts are the distinct
training values and the ends of the stretches where the sign is in doubt. A detector says how high a step
is for its (left, right, sign); a score is one bisection per column and the sum of the heights.

PyOD joins a whole batch to the training set, so that there a row's score depends on its neighbours
(pyod#401). Here every row is scored alone.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Row, Scores, need
from sidecar.scoring.skewness import EVERYWHERE, Column, Cubic, joined_sign

Floats: TypeAlias = NDArray[np.float64]

DOUBT = 2
"""In place of a sign: only the joined column itself can tell."""

DECIDED_AT_ONCE = 64
"""So many training values in doubtful stretches get their sign when compiling; more are left in doubt."""

FEW = 6
"""Up to so many rows bisection in plain Python beats numpy, which costs about 3 us per column and batch."""


class Tails(NamedTuple):
    """One training column as steps."""

    cuts: Floats
    """Ascending, shape (k,)."""
    below: NDArray[np.int64]
    """How many training values are at most each cut, shape (k,)."""
    signs: NDArray[np.int64]
    """-1, 0, 1 or `DOUBT` for each step, shape (2k + 1,)."""
    train: Column
    """The training column in its own order where a height takes it, else empty."""

    def sides(self) -> tuple[Floats, Floats]:
        """(left, right) of each step."""
        rows = int(self.below[-1])
        at_most = np.zeros(self.signs.size, dtype=np.int64)
        at_most[1::2] = at_most[2::2] = self.below
        less = at_most.copy()
        less[1::2] = at_most[0:-1:2]
        at_least = rows - less
        return -np.log((at_most + 1) / (rows + 1)), -np.log((at_least + 1) / (rows + 1))


def cut(train: Column, *, only_column: bool) -> Tails:
    """Cut one training column, shape (n,), into steps."""
    cubic = Cubic(train)
    stretches = cubic.doubtful()
    values, counts = np.unique(train, return_counts=True)
    cuts = np.union1d(values, [end for stretch in stretches for end in stretch if np.isfinite(end)])
    below = np.concatenate(([0], np.cumsum(counts)))[np.searchsorted(values, cuts, side="right")]
    signs = np.full(2 * cuts.size + 1, DOUBT)
    if stretches != EVERYWHERE:
        places = _places(cuts)
        doubtful = np.logical_or.reduce([(places >= a) & (places <= b) for a, b in stretches])
        signs = np.where(doubtful, DOUBT, np.sign(cubic(places)).astype(np.int64))
    at_values = np.flatnonzero((signs[1::2] == DOUBT) & np.isin(cuts, values))
    if at_values.size <= DECIDED_AT_ONCE:
        for i in at_values.tolist():
            signs[2 * i + 1] = joined_sign(train, float(cuts[i]), only_column=only_column)
    return Tails(cuts, below, signs, train)


def _places(cuts: Floats) -> Floats:
    """A value on each step: the cuts, the middles of the gaps, and something beyond both ends."""
    places = np.empty(2 * cuts.size + 1)
    places[1::2] = cuts
    places[2:-1:2] = cuts[:-1] + np.diff(cuts) / 2
    margin = 1.0 + np.ptp(cuts) + np.abs(cuts).max()
    places[0], places[-1] = cuts[0] - margin, cuts[-1] + margin
    return places


class Steps(NamedTuple):
    """One column as it is looked up. `array` keeps 8 bytes a number where a list keeps 32, and bisects as
    fast; the numpy views beside it share its memory."""

    cuts: array[float]
    """With infinity at the end, so that every index that bisection gives is valid."""
    heights: array[float]
    """NaN where a step is in doubt."""
    cut_view: Floats
    height_view: Floats


class TailSum:
    """A detector that adds up one height per column. Subclasses say what the heights are."""

    name: ClassVar[str]
    additive: ClassVar[bool] = True

    def __init__(self, tails: tuple[Tails, ...]) -> None:
        self._tails = tails
        self._steps = tuple(self._look_up(column) for column in tails)

    @staticmethod
    def heights(left: Floats, right: Floats, sign: NDArray[np.int64]) -> Floats:
        """What a value adds to the score, all of shape (steps,); NaN where it takes a sign in `DOUBT`."""
        raise NotImplementedError

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        train = np.asarray(model.X_train, dtype=np.float64)
        only = train.shape[1] == 1
        tails = (cut(column, only_column=only) for column in np.ascontiguousarray(train.T))
        return cls(
            tuple(
                column if cls._unsettled(column) else column._replace(train=train[:0, 0]) for column in tails
            )
        )

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        lengths = need(arrays, "lengths", np.int64, columns)
        if (lengths < 1).any():
            raise ValueError("array 'lengths' has a column without cuts")
        total = int(lengths.sum())
        ends = np.concatenate(([0], np.cumsum(lengths)))
        cuts = need(arrays, "cuts", np.float64, total)
        below = need(arrays, "below", np.int64, total)
        signs = need(arrays, "signs", np.int64, 2 * total + columns)
        kept = need(arrays, "kept", np.int64, -1).tolist()
        train = need(arrays, "train", np.float64, len(kept), -1)
        tails = []
        for j, (a, b) in enumerate(pairwise(ends.tolist())):
            rows = train[kept.index(j)] if j in kept else train[:0].ravel()
            column = Tails(cuts[a:b], below[a:b], signs[2 * a + j : 2 * b + j + 1], rows)
            _check(j, column)
            if cls._unsettled(column) and rows.size != column.below[-1]:
                raise ValueError(f"array 'train' lacks column {j}, which is in doubt")
            tails.append(column)
        return cls(tuple(tails))

    def arrays(self) -> Arrays:
        kept = [j for j, column in enumerate(self._tails) if column.train.size]
        return {
            "lengths": np.array([column.cuts.size for column in self._tails], dtype=np.int64),
            "cuts": np.concatenate([column.cuts for column in self._tails]),
            "below": np.concatenate([column.below for column in self._tails]),
            "signs": np.concatenate([column.signs for column in self._tails]),
            "kept": np.array(kept, dtype=np.int64),
            "train": np.array([self._tails[j].train for j in kept]).reshape(len(kept), -1 if kept else 0),
        }

    def score(self, row: Row) -> float:
        return sum(self.contributions(row))

    def contributions(self, row: Row) -> list[float]:
        heights = [
            column.heights[2 * (i := bisect_left(column.cuts, x)) + (column.cuts[i] == x)]
            for column, x in zip(self._steps, row.tolist(), strict=True)
        ]
        if sum(heights) != sum(heights):
            self._settle(heights, row.tolist())
        return heights

    def score_many(self, matrix: Matrix) -> Scores:
        if len(matrix) <= FEW:
            return np.array([self.score(row) for row in matrix])
        total = np.zeros(len(matrix))
        for column, x in zip(self._steps, matrix.T, strict=True):
            i = column.cut_view.searchsorted(x)
            total += column.height_view[2 * i + (column.cut_view[i] == x)]
        for row in np.flatnonzero(np.isnan(total)).tolist():
            total[row] = self.score(matrix[row])
        return total

    @classmethod
    def _unsettled(cls, column: Tails) -> bool:
        """Whether some height takes the joined column."""
        return bool(np.isnan(cls.heights(*column.sides(), column.signs)).any())

    def _look_up(self, column: Tails) -> Steps:
        cuts = array("d", column.cuts.tobytes())
        cuts.append(float("inf"))
        heights = array("d", self.heights(*column.sides(), column.signs).tobytes())
        return Steps(cuts, heights, np.frombuffer(cuts), np.frombuffer(heights))

    def _settle(self, heights: list[float], row: list[float]) -> None:
        """Replace what is in doubt by what the joined column says: about 0.1 ms each for 10,000 rows."""
        for j, x in enumerate(row):
            if heights[j] == heights[j]:
                continue
            column = self._tails[j]
            i = int(column.cuts.searchsorted(x))
            step = 2 * i + int(i < column.cuts.size and column.cuts[i] == x)
            left, right = (side[step : step + 1] for side in column.sides())
            sign = joined_sign(column.train, x, only_column=len(row) == 1)
            heights[j] = float(self.heights(left, right, np.array([int(sign)]))[0])


def _check(j: int, column: Tails) -> None:
    """Refuse what no training column can look like. Raises ValueError."""
    if (np.diff(column.cuts) <= 0).any():
        raise ValueError(f"array 'cuts' does not ascend in column {j}")
    if column.below[0] < 0 or (np.diff(column.below) < 0).any() or column.below[-1] < 1:
        raise ValueError(f"array 'below' does not count up in column {j}")
    if not np.isin(column.signs, (-1, 0, 1, DOUBT)).all():
        raise ValueError(f"array 'signs' holds something else than signs in column {j}")
