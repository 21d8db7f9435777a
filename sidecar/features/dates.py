"""A date -> its age, a number, and its hour and weekday, categories with the frequent ones first.

A category has no wrap-around at midnight, and rarity is what matters: 4 o'clock is odd where nobody calls at
4, however near it lies to 5. It's also what a person wants to see in a window of traffic.

Age counts days back from the newest date of the reference, whenever it is asked, so that rows of the same
time are alike today and next year. Dates after that, up to now, are simply news: nothing in the reference
says how many of them there should be, so they get the reference's median age. Dates in the future have a
negative age, which the reference never had. Counterpart: `sidecar.baseline.columns.dates`, which decides
which columns are dates.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix

Part: TypeAlias = Literal["age", "hour", "weekday"]

DAY = 86_400.0

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

SKEW = DAY
"""Seconds that a date may be ahead of our clock and still not be in the future: time zones, wrong clocks."""

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Unit of an epoch number -> seconds."""

LATEST = 253_402_300_800.0
"""The end of the year 9999, in Unix seconds: no date lies beyond, and none before its negative."""


class DateReading(msgspec.Struct, frozen=True, dict=True, tag_field="kind", tag="date"):
    """How one column of dates is read: ISO 8601 text, or a number of `unit` since 1970.

    `hours` and `weekdays` (0 is Monday) are those of the reference, the most frequent first. Dates without a
    time zone are read as they stand, others in UTC.
    """

    column: str
    parts: tuple[Part, ...]
    newest: float
    """Unix seconds of the newest date in the reference."""
    typical: float
    """Median age in the reference, days."""
    unit: Literal["", "s", "ms", "us", "ns"] = ""
    hours: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """`signup age`, `signup hour`, `signup weekday`."""
        return tuple(f"{self.column} {part}" for part in self.parts)

    @cached_property
    def _hour_ranks(self) -> NDArray[np.float64]:
        return _ranks(self.hours, 24)

    @cached_property
    def _weekday_ranks(self) -> NDArray[np.float64]:
        return _ranks(self.weekdays, 7)

    def read(self, column: NDArray[Any]) -> tuple[Matrix, dict[int, str]]:
        """The parts of each date, (rows, parts), NaN where there is none; rows with another thing there."""
        times, bad = seconds(column, self.unit)
        known = np.where(np.isnan(times), 0.0, times)
        read = {
            "age": lambda: self._age(times),
            "hour": lambda: self._hour_ranks[hour_of(known)],
            "weekday": lambda: self._weekday_ranks[weekday_of(known)],
        }
        out = np.column_stack([read[part]() for part in self.parts])
        out[np.isnan(times)] = np.nan
        return out, bad

    def _age(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        age: NDArray[np.float64] = (self.newest - times) / DAY
        return np.where((age < 0) & (times <= time.time() + SKEW), self.typical, age)


def seconds(column: NDArray[Any], unit: str = "") -> tuple[NDArray[np.float64], dict[int, str]]:
    """Unix seconds of each date, NaN where missing, and `not-a-date` for rows that hold something else."""
    if unit and column.dtype.kind in "fiu":
        times = column.astype(np.float64) * UNITS[unit]
        wrong = np.abs(times) >= LATEST
    else:
        read = [_second(cell, unit) for cell in column.tolist()]
        times = np.array([math.nan if second is None else second for second in read], dtype=np.float64)
        wrong = np.array([second is None for second in read], dtype=np.bool_)
    bad = dict.fromkeys(np.flatnonzero(wrong).tolist(), "not-a-date")
    if bad:
        times[wrong] = np.nan
    return times, bad


def _second(cell: object, unit: str) -> float | None:
    """Unix seconds, NaN for a missing date, None for what is no date."""
    if cell is None or cell == "" or cell != cell:
        return math.nan
    try:
        if unit:
            second = float(cell) * UNITS[unit]  # type: ignore[arg-type]
            return second if abs(second) < LATEST else None
        return iso(cell) if isinstance(cell, str) else None
    except (ValueError, TypeError, OverflowError):
        return None


def iso(text: str) -> float:
    """Unix seconds of ISO 8601 text. Raises ValueError when it is none."""
    text = text.strip()
    if len(text) < 8 or text[4:5] != "-":
        raise ValueError(text)  # `20240131` is also a number, and `2024` a year that nobody meant as a date
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def hour_of(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Hour of the day, 0 to 23."""
    return (np.floor(times / 3600.0) % 24).astype(np.int64)


def weekday_of(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Day of the week, 0 is Monday; 1 January 1970 was a Thursday."""
    return ((np.floor(times / DAY) + 3) % 7).astype(np.int64)


def _ranks(found: tuple[int, ...], most: int) -> NDArray[np.float64]:
    ranks = np.full(most, float(len(found)))
    ranks[list(found)] = np.arange(len(found))
    return ranks
