"""Windows of what the model answered. There is no reference for answers, so the first full window is one.

Numbers stay numbers, text becomes the rank of its first appearance. Until the first window is full there is
one bin; then the axes are cut by that window's quantiles and its rows are counted again.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.features import label
from sidecar.observer.axes import Fields, as_reference, by_quantiles, category, undivided
from sidecar.observer.headings import (
    COSINE,
    NEAREST,
    PART,
    Gathering,
    Headings,
    KeptHeadings,
    compass,
    heading,
)
from sidecar.observer.windows import Kept, Window
from sidecar.scoring.bins import ReferenceField

log = logging.getLogger(__name__)

Columns = Mapping[str, NDArray[Any]]
"""Named columns of one answer, each of shape (rows,): see `sidecar.features.columns`."""


class Embedded(dict[str, NDArray[Any]]):
    """The columns of an answer that is embeddings, and these as wholes, (rows, numbers)."""

    def __init__(self, columns: Columns, vectors: NDArray[Any]) -> None:
        super().__init__(columns)
        self.vectors = vectors


OUTPUTS = 32
"""Columns of an answer that have windows. An embedding is longer, but nobody looks at its 33rd number."""

LEAST = 50
"""Rows that a first window must have to be compared with, where calls are too few to fill it in its time."""

LABELS = 64
"""Different texts that are told apart in one output; more are counted as new."""

LABEL_LENGTH = 128
"""Characters of a text that are looked at."""


class KeptOutputs(msgspec.Struct, frozen=True):
    """Output windows as they are kept on disk. `labels`: field number -> texts by rank."""

    names: tuple[str, ...]
    labels: dict[int, tuple[str, ...]]
    cut: bool
    window: Kept
    headings: KeptHeadings | None = None


class Outputs:
    """The rolling window of one model's answers."""

    def __init__(self, rows: int, seconds: float) -> None:
        self.window: Window | None = None
        self.cut = False
        """Whether the first window was full and the axes are final."""
        self.other_shape = 0
        """Rows left out, because their columns are not those of the first answer."""
        self.headings: Headings | None = None
        """Where embeddings point, once the first window is full."""
        self._gathering: Gathering | None = None
        """Embeddings of the first window, until it is."""
        self._rows = rows
        self._seconds = seconds
        self._names: tuple[str, ...] = ()
        self._labels: dict[int, dict[str, int]] = {}

    def update(self, answers: Sequence[Columns], now: float) -> None:
        """Take in the columns of new answers."""
        blocks = [self._read(columns, now) for columns in answers]
        found = [block for block in blocks if block is not None and len(block)]
        if not found:
            return
        assert self.window is not None
        self.window.update(np.concatenate(found), now)
        if not self.cut and self.window.full and self.window.rows >= min(self._rows, LEAST):
            self._cut(now)

    def _read(self, columns: Columns, now: float) -> Matrix | None:
        """One answer's rows as numbers; None when it has other columns than the first one had."""
        vectors: Matrix | None = None
        if isinstance(columns, Embedded):  # in single precision, as they are gathered
            vectors = columns.vectors.astype(np.float32).astype(np.float64)
        if vectors is not None:
            columns = {**columns, **self._pointing(vectors)}
        if self.window is None:
            self._begin(columns)
        if tuple(columns)[:OUTPUTS] != self._names:
            self.other_shape += len(next(iter(columns.values()), ()))
            return None
        rows = np.array([self._column(i, columns[name]) for i, name in enumerate(self._names)], np.float64).T
        if self.headings is not None and vectors is not None:
            self.headings.update(vectors, now)
        elif self._gathering is not None and vectors is not None:
            self._gathering.update(rows, vectors)
        return rows

    def _pointing(self, vectors: Matrix) -> Columns:
        """What is said of where embeddings point, once there are others to say it by."""
        if self.headings is None:
            return dict.fromkeys((COSINE, NEAREST), np.full(len(vectors), np.nan))
        found = self.headings.compass
        return {COSINE: found.cosines(vectors), NEAREST: found.nearest(vectors)}

    def _begin(self, columns: Columns) -> None:
        self._names = tuple(columns)[:OUTPUTS]
        textual = (i for i, name in enumerate(self._names) if columns[name].dtype.kind not in "fiub")
        self._labels = {i: {} for i in textual}
        self._gathering = Gathering() if COSINE in columns else None
        self.window = self._window(tuple(undivided(name) for name in self._names))

    def _window(self, fields: Fields) -> Window:
        return Window(fields, self._rows, self._seconds)

    def _column(self, field: int, column: NDArray[Any]) -> list[float]:
        ranks = self._labels.get(field)
        if ranks is None:
            return column.tolist() if column.dtype.kind in "fiub" else [np.nan] * len(column)
        return [self._rank(ranks, label(value)) for value in column.tolist()]

    def _rank(self, ranks: dict[str, int], text: str | None) -> float:
        if text is None:
            return float("nan")
        text = text[:LABEL_LENGTH]
        if text not in ranks and not self.cut and len(ranks) < LABELS:
            ranks[text] = len(ranks)
        return float(ranks.get(text, len(ranks) if self.cut else LABELS))

    def _cut(self, now: float) -> None:
        """Cut the axes by the first full window and count its rows again."""
        assert self.window is not None
        rows = self.window.snapshot(now).summary.sample.rows
        if self._gathering is not None:
            rows = self._turned(rows, self._gathering, now)
        fields = tuple(self._field(i, name, rows[:, i]) for i, name in enumerate(self._names))
        self.window = self._window(fields)
        self.cut = True
        self.window.update(rows, now)

    def _turned(self, rows: Matrix, gathered: Gathering, now: float) -> Matrix:
        """The rows whose embeddings are known and that are no part of what they are held against."""
        known, vectors = gathered.found(rows)
        part = math.ceil(PART * len(vectors))
        self.headings = Headings(heading(vectors), compass(vectors[:part]), self._rows, self._seconds)
        rows = rows[known][part:]
        for name, values in self._pointing(vectors[part:]).items():
            rows[:, self._names.index(name)] = values
        self.headings.update(vectors, now)
        self._gathering = None
        return rows

    def _field(self, column: int, name: str, values: NDArray[np.float64]) -> ReferenceField:
        if column not in self._labels:
            return by_quantiles(name, values)
        return as_reference(category(name, list(self._labels[column])), values)

    def keep(self) -> KeptOutputs | None:
        """What `restore` needs; None before the first answer."""
        if self.window is None:
            return None
        labels = {field: tuple(ranks) for field, ranks in self._labels.items()}
        headings = self.headings.keep() if self.headings is not None else None
        return KeptOutputs(self._names, labels, self.cut, self.window.keep(), headings)

    def restore(self, kept: KeptOutputs) -> None:
        """Go on from `kept`. A first window of embeddings begins anew: they weren't kept."""
        if COSINE in kept.names and kept.headings is None:
            return
        if kept.headings is not None:
            reference, found = kept.headings.reference, kept.headings.compass
            self.headings = Headings(reference, found, self._rows, self._seconds)
            self.headings.restore(kept.headings)
        self._names = kept.names
        for column, texts in kept.labels.items():
            self._labels[column] = {text: rank for rank, text in enumerate(texts)}
        self.cut = kept.cut
        self.window = self._window(kept.window.fields)
        self.window.restore(kept.window)
