"""What kind of field each training column is, so that live calls are laid out as the training rows were.

The rules, in order, for a column's values that are not missing:

    there are none                                          left out
    one value only, and none missing                        constant
    true and false                                          boolean
    numbers                                                 number
    whole numbers since 1970, under the name of a time      date
    whole numbers, no two the same, called an id            id
    text in ISO 8601                                        date
    text, of at most 200 values that occur twice or more    category, the most frequent first
    other text without white space                          id
    other text                                              text
    a picture in every row                                  image

Dates, ids, texts and images are read as several fields each: `sidecar.baseline.columns` says how, and a note
says what they were taken for. What is left out is said, too, with the reason: it would otherwise be a model
input that nobody watches.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.baseline import columns
from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.features import Field, Reading, Schema, label

MOST_CATEGORIES = 200
"""Beyond, the values are names or prose rather than kinds of things."""

TIMES_SEEN = 2.0
"""How often a category must occur on average. Ids occur once."""

MOSTLY = 0.9
"""A text column of which so many values are numbers was meant to be numbers, and the others are mistakes."""


class LeftOut(Exception):
    """This column is no field; the message says why."""


def infer(table: Table, *, varying: bool = True) -> tuple[Schema, tuple[str, ...]]:
    """The schema of `table`, and what was left out of it and why. `varying`: a column must be left that does.

    Raises DataError naming file, row and column when a column of numbers holds something else, or when
    no column that varies is left."""
    fields: list[Field] = []
    readings: list[Reading] = []
    notes = list(table.notes)
    for name, values in table.columns.items():
        try:
            found = _kind(table, name, values)
        except LeftOut as reason:
            notes.append(f"column {name!r} is left out: {reason}")
            continue
        if isinstance(found, Field):
            fields.append(found)
        else:
            readings.append(found.reading)
            fields += columns.made(found.reading, _read(table, found.reading, values))
            notes.append(found.note)
    _refuse_doubles(table, fields)
    if varying and all(field.kind == "constant" and not field.missing for field in fields):
        raise DataError("; ".join([f"{table.file}: has no column that varies and can be scored", *notes]))
    return Schema(tuple(fields), tuple(readings)), tuple(notes)


def learned_from(schema: Schema, table: Table, rows: NDArray[np.int64]) -> Schema:
    """The schema with readings as if only these rows had been the reference."""
    readings = []
    for reading in schema.readings:
        column = table.columns[reading.column]
        labels = [label(value) for value in column[rows].tolist()] if column.ndim == 1 else []
        readings.append(columns.learned_from(reading, labels))
    return Schema(schema.fields, tuple(readings))


def _kind(table: Table, name: str, values: NDArray[Any]) -> Field | columns.Found:
    if values.ndim > 1:
        return columns.of_images(name, values)
    if values.dtype.kind == "f":
        number = _number(name, values)
        return (columns.of_numbers(name, values) if number.kind == "number" else None) or number
    labels = [label(value) for value in values.tolist()]
    counts = Counter(text for text in labels if text is not None)
    missing = None in labels
    if not counts:
        raise LeftOut("it has no values")
    categories = tuple(sorted(counts, key=lambda text: (-counts[text], text)))
    date = columns.of_dates(name, labels) if len(categories) > 1 else None
    if date is not None:
        return date
    if len(categories) == 1 and not missing:
        return Field(name, "constant", categories)
    lowered = {text.lower() for text in categories}
    if lowered <= {"true", "false"}:
        mode = float(categories[0].lower() == "true")
        return Field(name, "boolean", missing=missing, fill=mode if missing else 0.0)
    _refuse_mistakes(table, name, labels, categories)
    if len(categories) > MOST_CATEGORIES or sum(counts.values()) < TIMES_SEEN * len(categories):
        return columns.of_texts(name, labels)
    return Field(name, "category", categories, missing)


def _number(name: str, values: NDArray[np.float64]) -> Field:
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise LeftOut("it has no values")
    missing = bool(np.isnan(values).any())
    if not missing and values.min() == values.max():
        return Field(name, "constant", fill=float(values[0]))
    return Field(name, "number", missing=missing, fill=float(np.median(finite)) if missing else 0.0)


def _read(table: Table, reading: Reading, values: NDArray[Any]) -> Matrix:
    """What a reading makes of the training rows. Raises DataError at the first that it cannot read."""
    read, bad = reading.read(values)
    if bad:
        row = min(bad)
        raise DataError(
            f"{table.file}: row {row + 1}, column {reading.column!r}: {values[row]!r} is no date, and nearly"
            " all others are; correct it, or leave it empty if the value is missing"
        )
    return read


def _refuse_doubles(table: Table, fields: list[Field]) -> None:
    """A date called `seen` makes a field `seen age`; a column may be called so already."""
    doubles = [name for name, times in Counter(field.name for field in fields).items() if times > 1]
    if doubles:
        raise DataError(f"{table.file}: two fields are called {doubles[0]!r}; rename the column of that name")


def _refuse_mistakes(table: Table, name: str, labels: list[str | None], categories: tuple[str, ...]) -> None:
    words = {text for text in categories if not _is_number(text)}
    if not words or len(words) > (1.0 - MOSTLY) * len(categories):
        return
    row = next(i for i, text in enumerate(labels) if text in words)
    raise DataError(
        f"{table.file}: row {row + 1}, column {name!r}: {labels[row]!r} is no number, and nearly all others"
        " are; correct it, or leave it empty if the value is missing"
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
