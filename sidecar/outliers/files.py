"""Rows of a cohort -> a file that can be put beside the training data. One format for each ending.

The model's own columns come first, under their own names; then columns that say where a row came from, whose
names begin with `sidecar_`. In an archive of numpy those are arrays of their own. Files are written whole or
not at all. Counterpart: `sidecar.baseline.tables`, which reads the same formats.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sidecar.errors import SidecarError, UsageError
from sidecar.outliers.admin import Rows

Columns = dict[str, list[Any]]
"""Values by column, in order; None is missing."""


NO_PYARROW = (
    "parquet needs pyarrow, which is not installed; write .csv, .jsonl or .npz, or install sidecar with its"
    " extra `fit`"
)


def check(file: Path) -> None:
    """Raises UsageError when the file's name doesn't end in a format, or there is no place for it."""
    if file.suffix.lower() not in WRITERS:
        raise UsageError(f"-o {file}: cannot tell the format; the name should end in {', '.join(WRITERS)}")
    if not file.parent.is_dir():
        raise UsageError(f"-o {file}: there is no directory {file.parent}")
    if file.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise SidecarError(f"-o {file}: {NO_PYARROW}")


def content(form: str, rows: Rows) -> bytes:
    """The rows as a file of this format, with columns that tell their origin. Raises SidecarError."""
    if form == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise SidecarError(NO_PYARROW)
    return WRITERS[f".{form}"](rows, True)


def write(file: Path, rows: Rows, *, origin: bool) -> None:
    """Write the rows, with columns that tell their origin if wanted. Raises SidecarError."""
    content = WRITERS[file.suffix.lower()](rows, origin)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        raise SidecarError(f"-o {file}: cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)


def _fields(rows: Rows) -> Columns:
    return {field.name: [row.values[i] for row in rows.rows] for i, field in enumerate(rows.fields)}


def _origin(rows: Rows) -> Columns:
    """Where each row came from: the call, the row in it, when, how odd, which model, which cohort."""
    return {
        "sidecar_request": [row.id for row in rows.rows],
        "sidecar_row": [row.row for row in rows.rows],
        "sidecar_time": [row.time for row in rows.rows],
        "sidecar_p": [row.p for row in rows.rows],
        "sidecar_model": [row.model for row in rows.rows],
        "sidecar_version": [row.version for row in rows.rows],
        "sidecar_cohort": [row.cohort or str(rows.id) for row in rows.rows],
    }


def _all(rows: Rows, origin: bool) -> Columns:
    return {**_fields(rows), **(_origin(rows) if origin else {})}


# -- formats ---------------------------------------------------------------------------------------


def _parquet(rows: Rows, origin: bool) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"number": pa.float64(), "boolean": pa.bool_(), "text": pa.string()}
    types = {field.name: kinds[field.kind] for field in rows.fields}
    columns = {name: pa.array(values, types.get(name)) for name, values in _all(rows, origin).items()}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _csv(rows: Rows, origin: bool) -> bytes:
    columns = _all(rows, origin)
    # `true` as everybody's tables have it, not as Python prints it.
    words = {True: "true", False: "false", None: ""}
    told = (
        [words[v] if v is None or isinstance(v, bool) else v for v in row]
        for row in zip(*columns.values(), strict=True)
    )
    return "".join(map(_csv_line, (columns, *told))).encode()


def _csv_line(row: Iterable[Any]) -> str:
    """Written with both of CSV's ends of line, or one of them inside a text would stand unquoted there."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return f"{text.getvalue()[:-2]}\n"


def _jsonl(rows: Rows, origin: bool) -> bytes:
    columns = _all(rows, origin)
    lines = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def _npz(rows: Rows, origin: bool) -> bytes:
    texts = [field.name for field in rows.fields if field.kind == "text"]
    if texts:
        raise UsageError(f"an .npz holds numbers, and {texts[0]} is text; write .parquet, .csv or .jsonl")
    matrix = np.array(
        [[np.nan if value is None else float(value) for value in row.values] for row in rows.rows],
        dtype=np.float64,
    ).reshape(len(rows.rows), len(rows.fields))
    more = {name: np.array(values) for name, values in _origin(rows).items()} if origin else {}
    buffer = io.BytesIO()
    names = np.array([field.name for field in rows.fields])
    np.savez_compressed(buffer, allow_pickle=False, X=matrix, columns=names, **more)
    return buffer.getvalue()


WRITERS: dict[str, Callable[[Rows, bool], bytes]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".npz": _npz,
}
"""File name ending -> writer."""
