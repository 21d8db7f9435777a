"""CSV with a header line (RFC 4180), as MLflow and many small servers take it.

The header is not guessed: `text/csv; header=absent` (RFC 7111) is believed, and without it a first line
of nothing but numbers is refused. A cell is missing where pandas would say so, because the servers that
read CSV read it with pandas. CSV has no end mark: a body cut at a line's end is a shorter table.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.codecs import table
from sidecar.codecs.codec import media_type
from sidecar.errors import Undecodable
from sidecar.exchange import Headers, Tensor, header

MISSING = frozenset(
    (
        *("", "<NA>", "NA", "N/A", "n/a", "#NA", "#N/A", "#N/A N/A", "NULL", "null", "None", "NaN", "nan"),
        *("-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    )
)
"""What pandas.read_csv takes for missing by default (2.x)."""

_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
"""No leading zeros: `007` is an id, and stays text so as not to lose them."""

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def matches(headers: Headers) -> bool:
    return media_type(headers) in (b"text/csv", b"application/csv")


def read(headers: Headers, body: bytes) -> tuple[Tensor, ...]:
    """One tensor for each column, or a single one when every column is a number.

    Raises Undecodable `not-utf-8`, `malformed-csv`, `csv-without-header`, `ragged-rows`,
    `duplicate-name`, `too-many-columns`, `no-rows`.
    """
    lines = _lines(body)
    parameters = (header(headers, b"content-type") or b"").lower()
    if b"header=absent" in parameters.replace(b" ", b""):
        names = None
        width = len(lines[0]) if lines else 0
    else:
        names = tuple(lines.pop(0)) if lines else ()
        width = len(names)
        if names and all(_NUMBER.fullmatch(name) for name in names):
            raise Undecodable("csv-without-header")
        if len(set(names)) < width:
            raise Undecodable("duplicate-name")
    if not lines:
        raise Undecodable("no-rows")
    if width > table.MAX_COLUMNS:
        raise Undecodable("too-many-columns")
    if set(map(len, lines)) != {width}:
        raise Undecodable("ragged-rows")
    columns = [_column(cells) for cells in zip(*lines, strict=True)]
    if all(column.dtype.kind in "if" for column in columns):
        return (Tensor("csv", np.stack(columns, axis=1), names),)
    names = names or tuple(f"csv[{i}]" for i in range(width))
    return tuple(Tensor(name, column) for name, column in zip(names, columns, strict=True))


def _lines(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Undecodable("not-utf-8") from error
    try:
        return [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise Undecodable("malformed-csv") from error


def _column(cells: tuple[str, ...]) -> NDArray[Any]:
    """The cells of one column as integers, numbers, booleans or text: whichever fits all that are there."""
    there = [cell for cell in cells if cell not in MISSING]
    whole = len(there) == len(cells)
    if whole and all(map(_INTEGER.fullmatch, there)):
        return np.array([int(cell) for cell in cells])
    if all(map(_NUMBER.fullmatch, there)):
        return np.array([float("nan") if cell in MISSING else float(cell) for cell in cells])
    if whole and all(cell in _BOOLEANS for cell in there):
        return np.array([_BOOLEANS[cell] for cell in cells])
    return table.text([None if cell in MISSING else cell for cell in cells])
