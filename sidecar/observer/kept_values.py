"""A kept row as the model got it: numbers, booleans, names of categories, None where missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from sidecar.cohort import KeptRow
from sidecar.features import Field, Schema


def values(row: KeptRow, schema: Schema) -> list[Any]:
    """One value for each field. A new category whose name didn't come along is None as well."""
    numbers = np.frombuffer(row.values, dtype="<f8").tolist()
    return [
        _value(value, field, row.new.get(field.name))
        for value, field in zip(numbers, schema.fields, strict=True)
    ]


def _value(value: float, field: Field, new: str | None) -> float | bool | str | None:
    if value != value:
        return None
    if field.categories:
        return field.categories[int(value)] if value < len(field.categories) else new
    return bool(value) if field.kind == "boolean" else value
