"""A kept row as the model got it: numbers, booleans, names of categories, None where missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sidecar.cohort import KeptRow
from sidecar.features import Field, Schema

NEW = "\0new"
"""What no category is called."""


def values(row: KeptRow, schema: Schema) -> list[Any]:
    """One value for each field. A new category whose name didn't come along is None as well."""
    return _named(row.values, schema, row.new)


def fields(row: KeptRow, schema: Schema) -> list[Any]:
    """The same, but where a field was read from a date or an id, a value that the reference doesn't know is
    NEW: it has no name, but it isn't missing."""
    made = dict.fromkeys((name for reading in schema.readings for name in reading.fields), NEW)
    return _named(row.values, schema, {**made, **row.new})


def answer(row: KeptRow, schema: Schema) -> list[Any]:
    """One value for each field of the model's answer to it; none where the answer wasn't read."""
    return _named(row.answer, schema, {}) if row.answer else []


def _named(kept: bytes, schema: Schema, new: Mapping[str, str]) -> list[Any]:
    numbers = np.frombuffer(kept, dtype="<f8").tolist()
    return [
        _value(value, field, new.get(field.name)) for value, field in zip(numbers, schema.fields, strict=True)
    ]


def _value(value: float, field: Field, new: str | None) -> float | bool | str | None:
    if value != value:
        return None
    if field.categories:
        return field.categories[int(value)] if value < len(field.categories) else new
    return bool(value) if field.kind == "boolean" else value
