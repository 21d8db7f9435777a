"""JSON lines: one object a line, or one array of values a line. `null` and absent keys are missing.

Lists of lists of numbers, or of lists of them, are images where each line has one of the same size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.errors import DataError

_decode = msgspec.json.Decoder().decode


def read(file: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Columns in the order of their first appearance. Raises DataError naming file and line, OSError."""
    rows: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                row = _row(file, number, line)
                names.update(dict.fromkeys(row))
                rows.append(row)
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        columns[name] = _images(file, name, values) if any(map(_image, values)) else _column(values)
    return columns, []


def _image(value: Any) -> bool:
    """Whether this may be a picture: rows of pixels."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], list) and bool(value[0])


def _row(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = _decode(line)
    except (ValueError, RecursionError) as error:  # also of text that is not UTF-8
        raise DataError(f"{file}: line {number} is not JSON: {error}") from error
    if isinstance(row, list):
        row = {f"x{i}": value for i, value in enumerate(row)}
    if not isinstance(row, dict):
        raise DataError(f"{file}: line {number} should be an object or an array, not {line.strip()[:40]!r}")
    for name, value in row.items():
        if isinstance(value, list | dict) and not _image(value):
            raise DataError(
                f"{file}: line {number}, column {name!r}: a value inside a value; flatten it first"
            )
    return row


def _images(file: Path, name: str, values: list[Any]) -> NDArray[Any]:
    try:
        images = np.array(values, dtype=np.float64)
    except (ValueError, TypeError):
        images = np.empty(0)
    if images.ndim not in (3, 4):
        raise DataError(
            f"{file}: column {name!r}: should hold a picture of one and the same size in each line"
        )
    return images


def _column(values: list[Any]) -> NDArray[Any]:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int, float}:
        return np.array([np.nan if value is None else _float(value) for value in values])
    if kinds == {bool} and None not in values:
        return np.array(values)
    return np.array(values, dtype=object)


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
