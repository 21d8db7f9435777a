"""Labels out of bytes: JSON, JSON lines, CSV. Whatever is wrong is named with its place.

    {"id": "call-17", "label": 1}                     one row; `row` is 0 unless given
    {"id": "call-18", "row": 2, "label": "cat", "time": "2026-11-24T21:00:00Z"}
    {"id": "call-19", "label": [1, 0, null]}          three rows of a call; the last isn't known yet

JSON is one such object, an array of them, or `{"labels": [...]}`; JSON lines have one on each line; CSV and
Parquet have the same names as columns. `Names` says what the columns are called where they have other names.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import msgspec

from sidecar.errors import DataError
from sidecar.labels.label import Label, canonical

ID = 1024
"""Characters of a request id at most; a longer one is none of ours."""

ROWS = 1_000_000
"""Row numbers are below."""

FIELD_BYTES = 131_072
"""Bytes of a CSV field at most."""


class Names(NamedTuple):
    """What the columns are called."""

    id: str = "id"
    row: str = "row"
    label: str = "label"
    time: str = "time"


class Read(NamedTuple):
    """What was in a file: labels, and how many rows had none yet."""

    labels: list[Label]
    empty: int


def read(form: str, content: bytes, names: Names) -> Read:
    """The labels in `content`, whose format is one of `READERS`. Raises DataError."""
    return of_rows(READERS[form](content, names), names)


def of_rows(rows: Iterable[tuple[str, Any]], names: Names) -> Read:
    """The labels of rows, each with the name of its place. Raises DataError."""
    labels: list[Label] = []
    empty = 0
    for place, row in rows:
        if not isinstance(row, dict):
            raise DataError(f"{place}: expected an object with {names.id} and {names.label}")
        found = list(_of_row(place, row, names))
        labels += [label for label in found if label is not None]
        empty += found.count(None)
    return Read(labels, empty)


def _of_row(place: str, row: dict[str, Any], names: Names) -> Iterator[Label | None]:
    for name in (names.id, names.label):
        if name not in row:
            raise DataError(f"{place}: has no {name!r}; it has {', '.join(map(str, row)) or 'nothing'}")
    id_, time = _id(place, row[names.id], names), _time(place, row.get(names.time), names)
    value = row[names.label]
    if isinstance(value, list):
        if row.get(names.row) not in (None, ""):
            raise DataError(f"{place}: {names.label} is a list, so it's of all rows; leave out {names.row}")
        for number, one in enumerate(value):
            yield _label(place, id_, number, one, time)
        return
    yield _label(place, id_, _number(place, row.get(names.row), names), value, time)


def _label(place: str, id_: str, row: int, value: Any, time: float) -> Label | None:
    if isinstance(value, (dict, list)):
        raise DataError(f"{place}: a label is a number, a text, true or false, not {value!r:.60}")
    found = canonical(value)
    return None if found is None else Label(id_, row, found, time)


def _id(place: str, value: Any, names: Names) -> str:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= ID:
        raise DataError(f"{place}: {names.id} should be the call's x-request-id, and is {value!r:.60}")
    return text


def _number(place: str, value: Any, names: Names) -> int:
    if value is None or value == "":
        return 0
    try:
        number = int(value) if float(value) == int(float(value)) else -1
    except (TypeError, ValueError, OverflowError):
        number = -1
    if isinstance(value, bool) or not 0 <= number < ROWS:
        raise DataError(
            f"{place}: {names.row} should be the row's number in its call, from 0, and is {value!r:.60}"
        )
    return number


def _time(place: str, value: Any, names: Names) -> float:
    """Unix seconds, given so or as RFC 3339; 0 when there is none."""
    if value is None or value == "":
        return 0.0
    try:
        if isinstance(value, datetime):
            at = value
        elif isinstance(value, date):  # as RFC 3339 without a time: its midnight
            at = datetime(value.year, value.month, value.day)
        elif isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            at = datetime.fromisoformat(value)
        else:
            at = datetime.fromtimestamp(float(value), UTC)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        raise DataError(
            f"{place}: {names.time} should be Unix seconds or RFC 3339, and is {value!r:.60}"
        ) from None


# -- formats ---------------------------------------------------------------------------------------


def _json(content: bytes, names: Names) -> Iterator[tuple[str, Any]]:
    try:
        whole = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:  # also of text that is not UTF-8
        raise DataError(f"not JSON: {error}") from error
    if isinstance(whole, dict) and names.label not in whole and isinstance(whole.get("labels"), list):
        whole = whole["labels"]
    for number, row in enumerate(whole if isinstance(whole, list) else [whole], 1):
        yield f"label {number}", row


def _lines(content: bytes, names: Names) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", msgspec.json.decode(line)
            except (ValueError, RecursionError) as error:  # also of text that is not UTF-8
                raise DataError(f"line {number}: not JSON: {error}") from error


def _csv(content: bytes, names: Names) -> Iterator[tuple[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 at byte {error.start}") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    csv.field_size_limit(FIELD_BYTES)
    try:
        head = next(rows, None)
        if head is None:
            raise DataError(f"line 1: expected column names, such as {names.id},{names.label}")
        for row in rows:
            if row and len(row) != len(head):
                raise DataError(f"line {rows.line_num}: {len(row)} fields, and the head has {len(head)}")
            if row:
                yield f"line {rows.line_num}", dict(zip(head, row, strict=True))
    except csv.Error as error:
        raise DataError(f"line {rows.line_num}: not CSV: {error}") from error


READERS: dict[str, Callable[[bytes, Names], Iterator[tuple[str, Any]]]] = {
    "json": _json,
    "jsonl": _lines,
    "csv": _csv,
}
"""Format -> the rows of a file, each with the name of its place."""
