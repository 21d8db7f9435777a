"""Which columns are dates: text in ISO 8601, or numbers under the name of a time.

A number is only taken for a date when its column is called so and all of it lies between 1990 and 2100:
prices in cents are of that size, too.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from sidecar.features.dates import DAY, UNITS, DateReading, Part, hour_of, iso, seconds, weekday_of

NAMED = re.compile(
    r"(^|[^a-z])(time|date|datetime|timestamp|ts|epoch|at|on|when|created|updated)($|[^a-z])", re.IGNORECASE
)
"""What a column of epoch numbers is called."""

FIRST, LAST = 631_152_000.0, 4_102_444_800.0
"""1990 and 2100, Unix seconds."""

MOSTLY = 0.98
"""In a column of dates at most so few texts are no dates; they are refused when the rows are laid out."""

HOUR_DAYS, WEEKDAY_DAYS = 3.0, 14.0
"""Days that a reference must span for its hours, its weekdays, to be all there are."""

ADVANCING = 0.99
"""A date that so seldom goes back from row to row is the time of the row, and ever newer."""


def of_texts(name: str, labels: list[str | None]) -> DateReading | None:
    """How a column of ISO 8601 text is read; None when it is something else."""
    known = [text for text in labels if text]
    if not any(map(_is_date, known[:10])) or sum(map(_is_date, known)) < MOSTLY * len(known):
        return None
    times, _ = seconds(np.array(labels, dtype=object))
    return _reading(name, times, "")


def of_numbers(name: str, values: NDArray[np.float64]) -> DateReading | None:
    """How a column of numbers since 1970 is read; None when it is something else."""
    known = values[~np.isnan(values)]
    if not known.size or not NAMED.search(name) or (known != np.floor(known)).any():
        return None
    for unit, scale in UNITS.items():
        if known.min() * scale >= FIRST and known.max() * scale <= LAST:
            return _reading(name, values * scale, unit)
    return None


def _reading(name: str, times: NDArray[np.float64], unit: str) -> DateReading | None:
    known = times[~np.isnan(times)]
    newest, days = float(known.max()), float(np.ptp(known)) / DAY
    hours = _by_frequency(hour_of(known)) if days >= HOUR_DAYS else ()
    weekdays = _by_frequency(weekday_of(known)) if days >= WEEKDAY_DAYS else ()
    parts: list[Part] = []
    if not _advances(known):
        parts.append("age")
    if len(hours) > 1:
        parts.append("hour")
    if len(weekdays) > 1:
        parts.append("weekday")
    if not parts:
        return None
    typical = float(np.median(newest - known)) / DAY
    return DateReading(name, tuple(parts), newest, typical, unit, hours, weekdays)  # type: ignore[arg-type]


def _by_frequency(values: NDArray[np.int64]) -> tuple[int, ...]:
    found, times = np.unique(values, return_counts=True)
    return tuple(found[np.lexsort((found, -times))].tolist())


def _advances(known: NDArray[np.float64]) -> bool:
    """Whether a date is the time of its row: it never, or hardly ever, goes back, and it does go on."""
    steps = np.diff(known)
    return bool(steps.size and (steps >= 0).mean() >= ADVANCING and (steps > 0).any())


def _is_date(text: str) -> bool:
    try:
        iso(text)
    except ValueError:
        return False
    return True
