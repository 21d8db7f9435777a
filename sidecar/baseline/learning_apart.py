"""The training rows laid out as live ones would be: no row by a reading that was learned from that row.

What a text's letters are compared with is learned from the reference. A text that was learned from looks less
odd than the next one like it, so p-values would be too small and windows would drift from the first call on.
Held-out rows are read by what all fit rows taught, like live calls; fit rows by what the other nine
tenths of them taught. Tables without text are laid out once and left as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sidecar.baseline.schema import learned_from
from sidecar.baseline.tables import Table
from sidecar.exchange import Features, Payload, Tensor
from sidecar.features import Schema
from sidecar.features import lay_out as _lay_out
from sidecar.features.texts import TextReading

FOLDS = 10

ALL = slice(None)


def laid_out(table: Table, schema: Schema, rows: NDArray[np.int64] | slice = ALL) -> Features:
    """The training rows, by the very function that lays out live calls."""
    columns = (Tensor(name, table.columns[name][rows]) for name in schema.sources)
    return _lay_out(Payload("table", tuple(columns)), schema)


def lay_out(
    table: Table, schema: Schema, features: Features, fit: NDArray[np.int64]
) -> tuple[Schema, Features]:
    """The schema as only the rows `fit` would have it, and all rows laid out with none known beforehand.

    `features`: the rows as `schema` lays them out, which is what comes back where nothing is learned."""
    if not any(isinstance(reading, TextReading) for reading in schema.readings):
        return schema, features
    learned = learned_from(schema, table, fit)
    whole = laid_out(table, learned)
    values, matrix = whole.values.copy(), whole.matrix.copy()
    for fold in range(FOLDS):
        own = fit[fold::FOLDS]
        others = np.setdiff1d(fit, own, assume_unique=True)
        apart = laid_out(table, learned_from(schema, table, others), own)
        values[own], matrix[own] = apart.values, apart.matrix
    return learned, Features(values, matrix, whole.unscorable)
