"""One value of a plain field, as it was sent -> its number: numbers, booleans, categories."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

Reader: TypeAlias = Callable[[Any], float]
"""One value as it was sent -> its number. Raises ValueError or TypeError when it has none."""


def label(value: object) -> str | None:
    """The name of a category, whatever type carried it; None when it is missing.

    `3`, `3.0` and `"3"` are one category, as are `true` and `"true"`: the same table comes as integers
    in JSON, as floats from pandas and as text in CSV.
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def reader(kind: str, categories: tuple[str, ...]) -> Reader:
    """How a field of this kind reads a value."""
    if not categories:
        return _boolean if kind == "boolean" else number
    ranks: dict[str | None, float] = {name: float(rank) for rank, name in enumerate(categories)}
    unseen = float(len(ranks))
    ranks[None] = math.nan
    return lambda value: ranks.get(value if type(value) is str else label(value), unseen)


def number(value: Any) -> float:
    """A number, NaN for null and for empty text. Raises ValueError for any other text."""
    if value is None or value == "":
        return math.nan
    if isinstance(value, str) and "_" in value:
        raise ValueError(value)  # float() takes 1_000 for Python's sake; no data format means it
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_BOOLEANS = {"true": 1.0, "false": 0.0}


def _boolean(value: Any) -> float:
    known = _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    return number(value) if known is None else known
