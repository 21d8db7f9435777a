"""A few training rows inside the baseline: what later questions are asked against, and places on the map.

They're stored as the detectors saw them, because arrays of a baseline hold no NaN, and read back as values.
Written by `sidecar.baseline.fit`; `sidecar.baseline.cohorts` compares flagged rows with them.
"""

from __future__ import annotations

import numpy as np

from sidecar.exchange import Matrix
from sidecar.features import Schema
from sidecar.scoring.detector import Arrays, need
from sidecar.scoring.explain import owners

ROWS = 500
"""Rows kept at most; as many as a plot can show."""

CELLS = 131_072
"""Rows times columns kept at most: 1 MiB."""

NAME = "sample"


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
