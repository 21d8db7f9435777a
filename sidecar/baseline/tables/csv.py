"""CSV: a header line of column names, then one row a line; comma, semicolon or tab between the fields.

A column is numbers if every value in it is one, else text. Empty, NA, N/A, NaN, null and None are missing.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from sidecar.errors import DataError

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]


def read(file: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Columns in the order of the header. Raises DataError naming file and row, OSError."""
    with file.open("rb") as lines:
        try:
            header = lines.readline().decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f"{file}: the names of the columns are not UTF-8: {error.reason}") from error
    if not header:
        raise DataError(f"{file}: the first line is empty; it should hold the names of the columns")
    if header.count('"') % 2:
        raise DataError(f"{file}: a line ends within the name of a column; put the names into one line")
    delimiter = max(",;\t", key=header.count)
    try:
        names = pacsv.read_csv(
            pa.BufferReader(header.encode() + b"\n"), parse_options=_parsing(delimiter)
        ).column_names
        _refuse_doubles(file, names)
        table = pacsv.read_csv(
            pa.OSFile(str(file)),
            # One thread, because only then do errors say in which row they are.
            read_options=pacsv.ReadOptions(use_threads=False),
            parse_options=_parsing(delimiter),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=MISSING,
            ),
        )
    except pa.ArrowInvalid as error:
        message = str(error).removeprefix("CSV parse error: ")
        raise DataError(f"{file}: {message} (rows are counted with the header as 1)") from error
    return {name: _column(table[name]) for name in names}, []


def _parsing(delimiter: str) -> pacsv.ParseOptions:
    return pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def _refuse_doubles(file: Path, names: list[str]) -> None:
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise DataError(f"{file}: two columns are called {doubles[0]!r}; give each its own name")


def _column(texts: pa.ChunkedArray) -> NDArray[Any]:
    trimmed = pc.utf8_trim_whitespace(texts)
    try:
        numbers: NDArray[np.float64] = pc.cast(trimmed, pa.float64()).to_numpy()
        return numbers
    except pa.ArrowInvalid:
        return np.array(trimmed.to_pylist(), dtype=object)
