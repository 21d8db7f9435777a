"""CSV with a header line (RFC 4180), as MLflow and many small servers take it.

The header is not guessed: `text/csv; header=absent` (RFC 7111) is believed, and without it a first line
of nothing but numbers is refused. A cell is missing where pandas would say so, because the servers that
read CSV read it with pandas. CSV has no end mark: a body cut at a line's end is a shorter table.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
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

_DIGITS = frozenset("0123456789+-\n")
_NUMERIC = _DIGITS | frozenset(".eE")
_LEADING_ZERO = re.compile(r"(?:^|\n)[-+]?0[0-9]")
"""`007` is an id, and stays text so as not to lose its zeros."""

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def matches(headers: Headers) -> bool:
    return media_type(headers) in (b"text/csv", b"application/csv")


def read(headers: Headers, body: bytes) -> tuple[Tensor, ...]:
    """One tensor for each column, or a single one when every column is a number.

    Raises Undecodable `not-utf-8`, `malformed-csv`, `csv-without-header`, `ragged-rows`,
    `duplicate-name`, `too-many-columns`, `no-rows`.
    """
    cells, width = _cells(body)
    if width > table.MAX_COLUMNS:
        raise Undecodable("too-many-columns")
    if _has_header(headers):
        names = tuple(cells[:width])
        del cells[:width]
        if _numbers(names) is not None:
            raise Undecodable("csv-without-header")
        if len(set(names)) < width:
            raise Undecodable("duplicate-name")
    else:
        names = tuple(f"csv[{i}]" for i in range(width))
    if not cells:
        raise Undecodable("no-rows")
    columns = [_column(cells[i::width]) for i in range(width)]
    if all(column.dtype.kind in "if" for column in columns):
        return (Tensor("csv", np.stack(columns, axis=1), names if _has_header(headers) else None),)
    return tuple(Tensor(name, column) for name, column in zip(names, columns, strict=True))


def _has_header(headers: Headers) -> bool:
    parameters = (header(headers, b"content-type") or b"").lower().replace(b" ", b"")
    return b"header=absent" not in parameters


def _cells(body: bytes) -> tuple[list[str], int]:
    """All cells of all lines, end to end, and how many there are in a line. Empty lines don't count."""
    cells: list[str] = []
    widths = set()
    try:
        for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True):
            if line:
                widths.add(len(line))
                cells += line
    except UnicodeDecodeError as error:
        raise Undecodable("not-utf-8") from error
    except csv.Error as error:
        raise Undecodable("malformed-csv") from error
    if len(widths) != 1:
        raise Undecodable("ragged-rows" if widths else "no-rows")
    return cells, widths.pop()


def _column(cells: Sequence[str]) -> NDArray[Any]:
    """The cells of one column as integers, numbers, booleans or text: whichever fits all that are there."""
    there = cells if MISSING.isdisjoint(cells) else [cell for cell in cells if cell not in MISSING]
    whole = there is cells
    if (numbers := _numbers(there)) is not None:
        if whole:
            return numbers
        filled = iter(numbers.tolist())
        return np.array([float("nan") if cell in MISSING else next(filled) for cell in cells])
    if whole and _BOOLEANS.keys() >= set(there):
        return np.array([_BOOLEANS[cell] for cell in cells])
    return table.text([None if cell in MISSING else cell for cell in cells])


def _numbers(cells: Sequence[str]) -> NDArray[Any] | None:
    """The cells as int64 or float64, or None when one of them is no number. All are looked at in one go."""
    text = "\n".join(cells)
    characters = set(text)
    if not characters <= _NUMERIC or _LEADING_ZERO.search(text):
        return None
    try:
        if characters <= _DIGITS and cells and max(map(len, cells)) <= 18:
            return np.array(list(map(int, cells)))
        return np.array(list(map(float, cells)))
    except ValueError:
        return None
