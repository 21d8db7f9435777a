"""Training data as named columns, whatever file it came in. One file format per module.

A reader gives each column as float64 (NaN is missing), as bool, or as objects (text, bool, numbers, None).
What kind of field that makes is decided in `sidecar.baseline.schema`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from numpy.typing import NDArray

from sidecar.baseline.tables import csv, jsonl, npz, parquet
from sidecar.errors import DataError

Columns: TypeAlias = dict[str, NDArray[Any]]


class Table(msgspec.Struct, frozen=True):
    """Columns of shape (rows,) by name, and what the reader had to leave out, for the person who fits."""

    file: Path
    columns: Columns
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))


READERS: dict[str, Callable[[Path], tuple[Columns, list[str]]]] = {
    ".csv": csv.read,
    ".jsonl": jsonl.read,
    ".ndjson": jsonl.read,
    ".npz": npz.read,
    ".parquet": parquet.read,
}
"""File name ending -> reader, which returns columns and notes."""


def read(file: Path) -> Table:
    """Read training data. Raises DataError naming the file and, where there is one, row and column."""
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise DataError(f"{file}: cannot tell the format from its name; it should end in one of {known}")
    try:
        columns, notes = reader(file)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from error
    table = Table(file, columns, tuple(notes))
    if not table.rows:
        missing = "rows" if columns or not notes else "columns"
        raise DataError("; ".join((f"{file}: has no {missing}", *notes)))
    return table
