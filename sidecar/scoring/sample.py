"""A few training rows inside the baseline: what later questions are asked against, and places on the map.

They're stored as the detectors saw them, because arrays of a baseline hold no NaN, and read back as values.
Beside them stand more rows of which only the bins are kept: enough to say how columns hang together.
Written by `sidecar.baseline.fit`; `sidecar.baseline.cohorts` compares flagged rows with the first,
`sidecar.observer.relations` live rows with the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.features import Schema
from sidecar.scoring.bins import Bins, ReferenceField
from sidecar.scoring.detector import Arrays, need
from sidecar.scoring.explain import owners

ROWS = 500
"""Rows kept at most; as many as a plot can show."""

CELLS = 131_072
"""Rows times columns kept at most: 1 MiB."""

NAME = "sample"

BINNED = "binned"

BINNED_ROWS = 5_000
"""Rows kept by their bins at most. Twice as many would find a weak change of a relation a third sooner."""

BINNED_CELLS = 524_288
"""Rows times fields kept by their bins at most: as many bytes."""

Binned: TypeAlias = NDArray[np.uint8]
"""Rows x fields: the number of each value's bin within its field."""


def arrays(train: Matrix) -> Arrays:
    """What is stored of the training rows, (rows, columns of the detectors), which are in random order."""
    return {NAME: train[: min(ROWS, CELLS // max(1, train.shape[1]))].copy()}


def values(stored: Arrays, schema: Schema) -> Matrix:
    """The stored rows as (rows, fields), NaN where missing; no rows when the baseline has no sample.

    Raises ValueError when they don't fit the schema."""
    if NAME not in stored:
        return np.empty((0, len(schema.fields)))
    matrix = need(stored, NAME, np.float64, -1, len(schema.columns))
    rows = np.tile([field.fill for field in schema.fields], (len(matrix), 1))
    varying = sum(field.kind != "constant" for field in schema.fields)
    owner = owners(schema)
    rows[:, owner[:varying]] = matrix[:, :varying]
    for column in range(varying, len(owner)):
        rows[matrix[:, column] == 1.0, owner[column]] = np.nan
    return rows


def binned(values: Matrix, reference: Sequence[ReferenceField], seed: int) -> Arrays:
    """What is stored of the bins of the reference's rows, `values` (rows, fields), NaN where missing."""
    most = min(BINNED_ROWS, BINNED_CELLS // max(1, values.shape[1]))
    rows = np.random.default_rng(seed).permutation(len(values))[:most]
    return {BINNED: Bins(reference).within(values[rows])}


def binned_rows(stored: Arrays, reference: Sequence[ReferenceField]) -> Binned:
    """The stored rows by their bins; none when the baseline is from before they were stored.

    Raises ValueError when they don't fit the reference."""
    if BINNED not in stored:
        return np.empty((0, len(reference)), dtype=np.uint8)
    rows: Binned = need(stored, BINNED, np.uint8, -1, len(reference))
    sizes = [len(field.edges) + 2 for field in reference]
    if (rows >= sizes).any():
        raise ValueError(f"array {BINNED!r} has bins that its fields don't have")
    return rows
