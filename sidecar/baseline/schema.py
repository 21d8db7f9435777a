"""What kind of field each training column is, so that live calls are laid out as the training rows were.

The rules, in order, for a column's values that are not missing:

    there are none                                          left out
    one value only, and none missing                        constant
    true and false                                          boolean
    numbers                                                 number
    text, of at most 200 values that occur twice or more    category, the most frequent first
    other text (names, ids, dates, prose)                   left out

What is left out is said, with the reason: it would otherwise be a model input that nobody watches.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.features import Field, Schema, label

MOST_CATEGORIES = 200
"""Beyond, the values are names or prose rather than kinds of things."""

TIMES_SEEN = 2.0
"""How often a category must occur on average. Ids occur once."""

MOSTLY = 0.9
"""A text column of which so many values are numbers was meant to be numbers, and the others are mistakes."""


class LeftOut(Exception):
    """This column is no field; the message says why."""


def infer(table: Table) -> tuple[Schema, tuple[str, ...]]:
    """The schema of `table`, and what was left out of it and why.

    Raises DataError naming file, row and column when a column of numbers holds something else, or when
    no column that varies is left."""
    fields = []
    notes = list(table.notes)
    for name, values in table.columns.items():
        try:
            fields.append(_field(table, name, values))
        except LeftOut as reason:
            notes.append(f"column {name!r} is left out: {reason}")
    if all(field.kind == "constant" and not field.missing for field in fields):
        raise DataError("; ".join([f"{table.file}: has no column that varies and can be scored", *notes]))
    return Schema(tuple(fields)), tuple(notes)


def _field(table: Table, name: str, values: NDArray[Any]) -> Field:
    if values.dtype.kind == "f":
        return _number(name, values)
    labels = [label(value) for value in values.tolist()]
    counts = Counter(text for text in labels if text is not None)
    missing = None in labels
    if not counts:
        raise LeftOut("it has no values")
    categories = tuple(sorted(counts, key=lambda text: (-counts[text], text)))
    if len(categories) == 1 and not missing:
        return Field(name, "constant", categories)
    lowered = {text.lower() for text in categories}
    if lowered <= {"true", "false"}:
        mode = float(categories[0].lower() == "true")
        return Field(name, "boolean", missing=missing, fill=mode if missing else 0.0)
    _refuse_mistakes(table, name, labels, categories)
    if len(categories) > MOST_CATEGORIES or sum(counts.values()) < TIMES_SEEN * len(categories):
        raise LeftOut(f"{len(categories)} different texts are too many for a category (ids, dates, prose?)")
    return Field(name, "category", categories, missing)


def _number(name: str, values: NDArray[np.float64]) -> Field:
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise LeftOut("it has no values")
    missing = bool(np.isnan(values).any())
    if not missing and values.min() == values.max():
        return Field(name, "constant", fill=float(values[0]))
    return Field(name, "number", missing=missing, fill=float(np.median(finite)) if missing else 0.0)


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
