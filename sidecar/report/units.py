"""States and measures as people read them: on pages, and in a terminal. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping

STATES: Mapping[str, tuple[str, str]] = {
    "fine": ("●", "Fine"),
    "watch": ("◆", "Look"),
    "alarm": ("▲", "Alarm"),
    "waiting": ("○", "Waiting"),
    "off": ("–", "Off"),
    "down": ("■", "Down"),
}
"""State -> its sign and its word: never told by colour alone."""


def number(value: float | None, otherwise: str = "–") -> str:
    """A count or a measure, as people read it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return otherwise
    if isinstance(value, int) or (abs(value) >= 1000 and float(value).is_integer()):
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def share(value: float | None, otherwise: str = "–") -> str:
    """A share of one as per cent."""
    if value is None or math.isnan(value):
        return otherwise
    return f"{value:.2%}" if abs(value) < 0.1 else f"{value:.0%}"


def seconds(value: float | None, otherwise: str = "–") -> str:
    """A length of time in the unit that suits it."""
    if value is None or math.isnan(value):
        return otherwise
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns" if value else "0 s"


def size(value: float) -> str:
    """Bytes in the unit that suits them."""
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} GiB"
