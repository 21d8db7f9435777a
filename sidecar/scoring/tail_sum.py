"""A detector that adds up how far out in its tails each value lies: what ECOD and COPOD share.

A detector says how high each step of `sidecar.scoring.tails` is; a score is one bisection per column and the
sum of the heights found. PyOD joins a whole batch to the training set, so that there a row's score depends on
its neighbours (pyod#401). Here every row is scored alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.native import NATIVE
from sidecar.native import Steps as NativeSteps
from sidecar.scoring.detector import Arrays, Floats, Row, Scores, need
from sidecar.scoring.skewness import Column, joined_sign
from sidecar.scoring.tails import cut, sides

FEW = 32
"""Up to so many rows all columns are bisected in one call, as pairs of column and value. In larger batches a
call for each column is faster, because its cuts stay in the cache."""

IN_DOUBT = -1.0
"""How a height of NaN is stored. Heights are logarithms of shares, turned positive."""


class Steps(NamedTuple):
    """All columns as they are looked up: the cuts of one after those of the other, each column's followed by
    infinity, so that every index that bisection gives is valid; and for each cut two heights, that of the gap
    before it and its own.
    """

    cuts: Floats
    heights: Floats
    """NaN where only the joined column can tell."""
    ends: tuple[int, ...]
    """Where each column's infinity is; the next column begins behind it."""


class TailSum:
    """Detectors whose score is a sum of one height per column. Subclasses say what the heights are."""

    name: ClassVar[str]

    def __init__(self, steps: Steps, train: dict[int, Column]) -> None:
        """`train` holds, in their own order, the training columns that have a height of NaN."""
        self._cuts, self._heights, self._ends = steps
        self._starts = (0, *(end + 1 for end in steps.ends[:-1]))
        self._train = train
        # numpy orders complex numbers by their real part first: (column, value) pairs in one sorted array. A
        # step ends where the next begins: a gap at the cut behind it, a cut at the next number there is.
        numbers = np.arange(len(steps.ends), dtype=np.float64)
        self._step_ends = np.empty(2 * self._cuts.size, dtype=np.complex128)
        self._step_ends.real = np.repeat(numbers, 2 * np.diff(steps.ends, prepend=-1))
        self._step_ends.imag[0::2] = self._cuts
        self._step_ends.imag[1::2] = np.nextafter(self._cuts, np.inf)
        self._numbers = numbers.astype(np.complex128)
        ends = np.array(steps.ends, dtype=np.int64)
        self.native = NativeSteps(self._cuts, self._heights, ends) if NATIVE else None
        """`score` in C, of a row as a block of float64, and `score_many`; NaN where a height is in doubt."""

    @staticmethod
    def heights(left: Floats, right: Floats, sign: NDArray[np.int64]) -> Floats:
        """What a value adds to the score, all of shape (steps,); NaN where it takes a sign in `DOUBT`."""
        raise NotImplementedError

    def score(self, row: Row) -> float:
        if self.native is not None:
            known = self.native.score(row.tobytes())
            if known == known:
                return known
        pairs = self._numbers.copy()
        pairs.imag = row
        found = self._heights.take(self._step_ends.searchsorted(pairs, "right"))
        total: float = sum(found.tolist())  # half the time of a reduction by numpy
        return total if total == total else sum(self._settled(found, row).tolist())

    def score_many(self, matrix: Matrix) -> Scores:
        if self.native is None:
            return self._summed(matrix)
        scores: Scores = np.frombuffer(self.native.score_many(np.require(matrix, requirements=["C", "A"])))
        doubtful = np.flatnonzero(np.isnan(scores))
        if doubtful.size:
            scores = scores.copy()
            scores[doubtful] = self._summed(matrix[doubtful])
        return scores

    def _summed(self, matrix: Matrix) -> Scores:
        summed: Scores = np.add.reduce(self._found(matrix), axis=1)
        return summed

    def contributions(self, row: Row) -> list[float]:
        found: list[float] = self._found(row[None])[0].tolist()
        return found

    def _found(self, matrix: Matrix) -> Matrix:
        """The height of every value, shape (rows, columns). C-contiguous, so that a row is added up in
        the same order whatever else is in the batch."""
        steps = self._bisect_all(matrix) if len(matrix) <= FEW else self._bisect_each(matrix)
        found: Matrix = self._heights.take(steps)
        if self._train:
            for row in np.flatnonzero(np.isnan(found).any(axis=1)).tolist():
                found[row] = self._settled(found[row], matrix[row])
        return found

    def _bisect_all(self, matrix: Matrix) -> NDArray[np.intp]:
        pairs = np.empty(matrix.shape, dtype=np.complex128)
        pairs.real = self._numbers.real
        pairs.imag = matrix
        return self._step_ends.searchsorted(pairs, "right")

    def _bisect_each(self, matrix: Matrix) -> NDArray[np.intp]:
        columns = np.ascontiguousarray(matrix.T)
        at = np.empty(columns.shape, dtype=np.intp)
        for j, (start, end) in enumerate(zip(self._starts, self._ends, strict=True)):
            at[j] = self._cuts[start:end].searchsorted(columns[j])
            at[j] += start
        return np.ascontiguousarray((2 * at + (self._cuts.take(at) == columns)).T)

    def _settled(self, heights: Row, row: Row) -> Row:
        """`heights` with what is in doubt told by the joined column: about 0.1 ms each for 10,000 rows."""
        settled = heights.copy()
        for j in np.flatnonzero(np.isnan(heights)).tolist():
            settled[j] = self._joined(j, float(row[j]))
        return settled

    def _joined(self, column: int, x: float) -> float:
        train = self._train[column]
        left, right = sides(train, x)
        sign = int(joined_sign(train, x, only_column=len(self._ends) == 1))
        return float(self.heights(np.array([left]), np.array([right]), np.array([sign]))[0])

    # -- compiling and storing ---------------------------------------------------------------------

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        columns = np.ascontiguousarray(np.asarray(model.X_train, dtype=np.float64).T)
        cuts, heights = [], []
        train = {}
        for j, column in enumerate(columns):
            tails = cut(column, only_column=len(columns) == 1)
            cuts.append(tails.cuts)
            heights.append(cls.heights(tails.left, tails.right, tails.sign))
            if np.isnan(heights[-1]).any():
                train[j] = column
        return cls(_steps(cuts, heights), train)

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        lengths = need(arrays, "lengths", np.int64, columns)
        total = int(lengths.sum())
        if (lengths < 1).any():
            raise ValueError("array 'lengths' has a column without cuts")
        cuts = need(arrays, "cuts", np.float64, total)
        heights = need(arrays, "heights", np.float64, 2 * total + columns).copy()
        kept = need(arrays, "kept", np.int64, -1)
        train = need(arrays, "train", np.float64, kept.size, -1)
        ends = np.cumsum(lengths)
        inside = np.ones(total, dtype=bool)
        inside[ends[:-1]] = False
        if (np.diff(cuts, prepend=-np.inf)[inside] <= 0).any():
            raise ValueError("array 'cuts' does not ascend")
        doubt = np.flatnonzero(heights < 0)
        heights[doubt] = np.nan
        height_ends = 2 * ends + np.arange(1, columns + 1)
        needed = np.unique(np.searchsorted(height_ends, doubt, side="right"))
        if not np.isin(needed, kept).all() or (kept.size and not train.shape[1]):
            raise ValueError("array 'train' lacks a column that is in doubt")
        steps = _steps(np.split(cuts, ends[:-1]), np.split(heights, height_ends[:-1]))
        return cls(steps, dict(zip(kept.tolist(), train, strict=True)))

    def arrays(self) -> Arrays:
        at = np.delete(np.arange(self._cuts.size), self._ends)
        heights = np.delete(self._heights, [2 * end + 1 for end in self._ends])
        return {
            "lengths": np.array(self._ends, dtype=np.int64) - np.array(self._starts, dtype=np.int64),
            "cuts": self._cuts[at],
            "heights": np.nan_to_num(heights, nan=IN_DOUBT),
            "kept": np.array(list(self._train), dtype=np.int64),
            "train": np.array(list(self._train.values())).reshape(len(self._train), -1 if self._train else 0),
        }


def _steps(cuts: Sequence[Floats], heights: Sequence[Floats]) -> Steps:
    """From each column's k cuts and 2k + 1 heights."""
    ends = tuple((np.cumsum([c.size + 1 for c in cuts]) - 1).tolist())
    return Steps(
        np.concatenate([np.append(own, np.inf) for own in cuts]),
        np.concatenate([np.append(own, 0.0) for own in heights]),  # nothing equals infinity
        ends,
    )
