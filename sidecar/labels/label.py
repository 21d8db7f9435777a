"""One label: what turned out to be true of one row of one call."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import msgspec

Value: TypeAlias = float | str
"""A class or a quantity. `3`, `3.0` and `"3"` are one value, as are `true`, `"true"` and `1`: the same table
comes as integers in JSON, as floats from pandas and as text in CSV."""

TEXT = 128
"""Characters of a text that are looked at."""

_WORDS = {"true": 1.0, "false": 0.0}


class Label(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The truth about row `row` of the call `id`, known at `time` (Unix seconds, 0: now)."""

    id: str
    row: int
    value: Value
    time: float = 0.0


def canonical(value: Any) -> Value | None:
    """The value, whatever type carried it; None when it's missing."""
    if type(value) is float and math.isfinite(value):  # nearly always, so first
        return value
    if value is None:
        return None
    if isinstance(value, str):
        return _of_text(value.strip())
    if isinstance(value, (bool, int, float)) or hasattr(value, "__float__"):
        try:
            number = float(value)
        except OverflowError:
            return str(value)[:TEXT]  # no number that could be compared, as where it came as text
        return number if math.isfinite(number) else None
    return str(value)[:TEXT]


def _of_text(text: str) -> Value | None:
    if not text or text.lower() in ("nan", "null", "none"):
        return None
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        # float() would take 1_000 and "infinity", too: no data format means a number by them.
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        number = math.nan
    return number if math.isfinite(number) else text[:TEXT]


def shown(value: Value) -> str:
    """The value as a person writes it."""
    return value if isinstance(value, str) else f"{value:.12g}"
