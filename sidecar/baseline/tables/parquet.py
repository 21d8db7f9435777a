"""Parquet, as pyarrow reads it. Dates and timestamps become ISO 8601 text.

Columns of bytes, durations and nested values are left out, and said so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sidecar.errors import DataError

TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


def read(file: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Columns in the file's order. Raises DataError naming the file, OSError."""
    try:
        with file.open("rb") as content:
            table = pq.read_table(content)
    except pa.ArrowException as error:
        raise DataError(f"{file}: not a Parquet file that can be read: {error}") from error
    columns: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    for name in table.column_names:
        try:
            column = _column(table[name])
        except (OverflowError, ValueError) as error:  # a year that is none, a time zone that nobody knows
            raise DataError(f"{file}: column {name!r}: holds a date that cannot be read: {error}") from error
        if column is None:
            notes.append(f"column {name!r} is left out: {table[name].type} cannot be scored")
        else:
            columns[name] = column
    return columns, notes


def _column(column: pa.ChunkedArray) -> NDArray[Any] | None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    if pa.types.is_boolean(kind) or any(is_text(kind) for is_text in TEXTS):
        return np.array(
            column.to_pylist(), dtype=bool if pa.types.is_boolean(kind) and not column.null_count else object
        )
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).to_pylist()
        return np.array([None if one is None else one.isoformat() for one in moments], dtype=object)
    return None
