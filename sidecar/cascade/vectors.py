"""Values of any kind as numbers whose distances mean something. Pure; before and after are always told
together, so that nothing is measured by one side's yardstick alone.

Numbers stay numbers; few different texts become one column each; other text becomes counts of its pieces of
three characters and its words, hashed (Weinberger et al., "Feature hashing for large scale multitask
learning", 2009). What is wider than `WIDEST` is turned to its principal axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from sidecar.cascade.pairs import Value
from sidecar.exchange import Matrix

WIDEST = 24
"""Columns that are compared; distances in more say less."""

LABELS = 16
"""Different texts that are told apart as they are."""

BUCKETS = 256
"""Places that pieces of text are hashed to."""

LONGEST = 512
"""Characters of a text that are looked at."""


def vectors(rows: Sequence[tuple[Value, ...]]) -> Matrix:
    """(rows, columns), finite. Rows have the same columns."""
    if not rows or not rows[0]:
        return np.zeros((len(rows), 0))
    parts = [_column([row[i] for row in rows]) for i in range(len(rows[0]))]
    return narrowed(np.hstack(parts))


def narrowed(values: Matrix) -> Matrix:
    """The same rows in at most `WIDEST` columns: their principal axes, where there are more."""
    if values.shape[1] <= WIDEST:
        return values
    centred = values - values.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned: Matrix = centred @ axes[:WIDEST].T
    return turned


def _column(values: Sequence[Value]) -> Matrix:
    texts = [value for value in values if isinstance(value, str)]
    if not texts:
        return _numbers(values)
    if len(set(texts)) <= min(LABELS, max(2, len(texts) // 5)):
        labels = sorted(set(texts))
        return np.array([[value == label for label in labels] for value in values], dtype=np.float64)
    return np.array([sketch(str(value or "")) for value in values])


def _numbers(values: Sequence[Value]) -> Matrix:
    column = np.array([np.nan if value is None else float(value) for value in values])
    missing = ~np.isfinite(column)
    if not missing.any():
        return column[:, None]
    typical = float(column[~missing].mean()) if not missing.all() else 0.0
    return np.column_stack((np.where(missing, typical, column), missing))


def sketch(text: str) -> Matrix:
    """A text as (`BUCKETS`,): the square roots of its pieces' counts, of length 1."""
    padded = f" {text[:LONGEST]} "
    pieces = [padded[i : i + 3] for i in range(len(padded) - 2)] + padded.split()
    places = [crc32(piece.encode("utf-8", "replace")) % BUCKETS for piece in pieces]
    counts = np.sqrt(np.bincount(places, minlength=BUCKETS).astype(np.float64))
    length = float(np.linalg.norm(counts))
    return np.asarray(counts / length if length else counts)
