"""What a compiled detector is: a fitted PyOD detector as a handful of arrays and the code that reads them.

Each detector has a file of its own, which tells the whole story: what PyOD computes, what is kept of the
fitted model, how a row is scored from that. All obey one law, tested in `tests/scoring/test_laws.py`:
the raw score is PyOD's `decision_function` of that row alone, to a relative 1e-9, whatever else is in
the batch. Counterpart: `sidecar.baseline.fitting`, which makes the PyOD models.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix

Arrays: TypeAlias = dict[str, NDArray[Any]]
"""What is stored of a detector, by name: float64 and int64 arrays, all finite."""

Floats: TypeAlias = NDArray[np.float64]

Row: TypeAlias = NDArray[np.float64]
"""One row of a detector's matrix, shape (columns,), finite."""

Scores: TypeAlias = NDArray[np.float64]
"""Raw scores, shape (rows,); larger is odder."""


class Scorer(Protocol):
    """Whatever gives rows a raw score."""

    def score(self, row: Row) -> float:
        """Raw score of one row: the fast way for a single one."""
        ...

    def score_many(self, matrix: Matrix) -> Scores:
        """Raw scores of many rows: the fast way for a batch."""
        ...


class Detector(Scorer, Protocol):
    """One compiled detector. Immutable once made, so that it may be swapped while calls are in flight."""

    name: ClassVar[str]
    """What it is called in settings, headers and artifacts."""

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        """Compile a fitted PyOD detector. Reads its attributes; imports nothing of PyOD."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        """The detector that `arrays` was called on. Raises ValueError when they cannot be its arrays."""
        ...

    def arrays(self) -> Arrays:
        """Everything needed to make this detector again."""
        ...


@runtime_checkable
class Additive(Detector, Protocol):
    """A detector whose score is a sum of what each column adds, and who can say how much that is."""

    def contributions(self, row: Row) -> list[float]:
        """What each column adds to the row's score; their sum is the score."""
        ...


def need(arrays: Arrays, name: str, kind: type[np.generic], *shape: int) -> NDArray[Any]:
    """The array `name`, of dtype `kind` and of `shape` (-1: any length). Raises ValueError if not."""
    array = arrays.get(name)
    if array is None:
        raise ValueError(f"array {name!r} is missing")
    if array.dtype != kind:
        raise ValueError(f"array {name!r} holds {array.dtype}, expected {np.dtype(kind)}")
    if array.ndim != len(shape) or any(
        want not in (-1, got) for want, got in zip(shape, array.shape, strict=True)
    ):
        expected = " x ".join("any" if want < 0 else str(want) for want in shape)
        raise ValueError(f"array {name!r} has shape {array.shape}, expected {expected}")
    return array
