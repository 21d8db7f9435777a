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

    def codes(self, values: Matrix) -> NDArray[np.int64]:
        """The bin of each value, numbered through all fields. `values`: (rows, fields), NaN is missing."""
        codes = np.empty(values.shape, dtype=np.int64)
        for j, (edges, start) in enumerate(zip(self._edges, self._starts, strict=True)):
            codes[:, j] = edges.searchsorted(values[:, j], side="right") + start
        return codes

    def counts(self, values: Matrix) -> Counts:
        """How many of `values`, (rows, fields), fall into each bin. Sums of counts are counts."""
        counts: Counts = np.bincount(self.codes(values).ravel(), minlength=self.size)
        return counts
