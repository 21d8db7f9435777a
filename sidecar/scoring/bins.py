"""The reference's own bins: what windows of live traffic are counted in.

A field is described by ascending edges; bin i holds the values with edges[i-1] <= v < edges[i], and the last
bin the missing ones. Numbers have equal-probability bins, a category has a bin for each of its frequent
values, one for the rest and one for values never seen, a constant has what it was and what it was not.
Counts in the same bins simply add up, over time and over any number of pods. Made by
`sidecar.baseline.reference`; counted by `sidecar.observer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix

Counts = NDArray[np.int64]
"""How many values fell into each bin, field after field; shape (bins of all fields,)."""

LADDER = 32
"""Edges of a field up to which comparing with each is faster than bisecting."""


class ReferenceField(msgspec.Struct, frozen=True):
    """One field of `Features.values` as it was in the training reference.

    `labels` and `probabilities` have an entry for each bin: `len(edges) + 1` of values, then the missing one.
    The statistics are those of the values that were not missing; all 0 where there were none.
    A probability may be 0: nothing in the reference was unseen, or other than the constant.
    """

    name: str
    kind: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    rows: int
    mean: float = 0.0
    std: float = 0.0
    min: float = 0.0
    max: float = 0.0


class Bins:
    """The bins of all fields, ready to count in. Immutable."""

    def __init__(self, reference: Sequence[ReferenceField]) -> None:
        # NaN sorts after everything: one more edge, and missing values fall into the last bin, alone.
        self._edges = [np.array((*field.edges, np.nan)) for field in reference]
        sizes = [len(field.edges) + 2 for field in reference]
        self._starts = list(accumulate(sizes, initial=0))
        self.size: int = self._starts.pop()
        """Bins of all fields together: the length of `Counts`."""
        self.slices: tuple[slice, ...] = tuple(
            slice(start, start + size) for start, size in zip(self._starts, sizes, strict=True)
        )
        """Where each field's bins stand in `Counts`."""
        self._first = np.array(self._starts, dtype=np.int64)
        self._last = self._first + np.array(sizes, dtype=np.int64) - 1
        self._ladder = _ladder(reference)

    def codes(self, values: Matrix) -> NDArray[np.int64]:
        """The bin of each value, numbered through all fields. `values`: (rows, fields), NaN is missing."""
        if self._ladder is not None:
            return self._climb(values, self._ladder)
        codes = np.empty(values.shape, dtype=np.int64)
        for j, (edges, start) in enumerate(zip(self._edges, self._starts, strict=True)):
            codes[:, j] = edges.searchsorted(values[:, j], side="right") + start
        return codes

    def within(self, values: Matrix) -> NDArray[np.uint8]:
        """The bin of each value, numbered within its field. No field has more than 255 bins."""
        return (self.codes(values) - self._first).astype(np.uint8)

    def _climb(self, values: Matrix, ladder: NDArray[np.float64]) -> NDArray[np.int64]:
        """With few edges: how many a value is not under. Five times as fast as bisecting, which guesses wrong
        half of the time where to go on."""
        climbed = np.zeros(values.shape, dtype=np.uint8)
        for edges in ladder:
            climbed += values >= edges
        codes = climbed + self._first
        missing = np.isnan(values)
        if missing.any():
            np.copyto(codes, self._last, where=missing)
        return codes

    def counts(self, values: Matrix) -> Counts:
        """How many of `values`, (rows, fields), fall into each bin. Sums of counts are counts."""
        counts: Counts = np.bincount(self.codes(values).ravel(), minlength=self.size)
        return counts


def _ladder(reference: Sequence[ReferenceField]) -> NDArray[np.float64] | None:
    """The fields' first edges, their second ones and so on, shape (edges, fields), NaN where a field has no
    more of them; None when there are too many."""
    edges = max((len(field.edges) for field in reference), default=0)
    if edges > LADDER:
        return None
    ladder = np.full((edges, len(reference)), np.nan)
    for j, field in enumerate(reference):
        ladder[: len(field.edges), j] = field.edges
    return ladder
