"""Which columns of the training data are dates, ids, texts or images, and how each is to be read.

One kind a module, each with a function `recognised`, which returns the reading or None. Counterpart:
`sidecar.features`, which reads live columns the same way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.baseline.columns import dates, ids, images, texts
from sidecar.exchange import Matrix
from sidecar.features import Field, Reading
from sidecar.features.dates import WEEKDAYS, DateReading
from sidecar.features.ids import IdReading
from sidecar.features.texts import TextReading


class Found(NamedTuple):
    """How a column is read, and what the person who fits should know of it."""

    reading: Reading
    note: str


def of_numbers(name: str, values: NDArray[np.float64]) -> Found | None:
    """A column of numbers that are no quantities: dates since 1970, running ids."""
    date = dates.of_numbers(name, values)
    if date is not None:
        return Found(date, f"column {name!r} is taken for dates since 1970 in {date.unit}: {_parts(date)}")
    id_ = ids.of_numbers(name, values)
    return Found(id_, _shape(name)) if id_ is not None else None


def of_dates(name: str, labels: list[str | None]) -> Found | None:
    """A column of text that is all dates."""
    date = dates.of_texts(name, labels)
    return Found(date, f"column {name!r} holds dates: {_parts(date)}") if date is not None else None


def of_texts(name: str, labels: list[str | None]) -> Found:
    """A column of so many different texts that they are no categories."""
    id_ = ids.of_texts(name, labels)
    if id_ is not None:
        return Found(id_, _shape(name))
    reading = texts.of_texts(name, labels)
    return Found(reading, f"column {name!r} is text: its length and how surprising its letters are count")


def of_images(name: str, values: NDArray[Any]) -> Found:
    """A column of images."""
    note = f"column {name!r} holds images: {len(images.NAMES)} numbers of each count"
    return Found(images.of_images(name, values), note)


def made(reading: Reading, read: Matrix) -> list[Field]:
    """The fields of a reading. `read`: what it makes of the reference, (rows, fields), NaN where missing.

    Never constants: a shape that all ids of the reference share is what the next one is to be held to."""
    return [
        _field(name, _categories(reading, name), values)
        for name, values in zip(reading.fields, read.T, strict=True)
    ]


def _field(name: str, categories: tuple[str, ...], values: NDArray[np.float64]) -> Field:
    missing = bool(np.isnan(values).any())
    if categories:
        return Field(name, "category", categories, missing)
    fill = float(np.nanmedian(values)) if missing else 0.0
    return Field(name, "number", missing=missing, fill=fill)


def _categories(reading: Reading, name: str) -> tuple[str, ...]:
    part = name.removeprefix(f"{reading.column} ")
    if isinstance(reading, IdReading) and part == "pattern":
        return reading.patterns
    if isinstance(reading, DateReading) and part == "hour":
        return tuple(f"{hour:02}h" for hour in reading.hours)
    if isinstance(reading, DateReading) and part == "weekday":
        return tuple(WEEKDAYS[day] for day in reading.weekdays)
    return ()


def learned_from(reading: Reading, labels: list[str | None]) -> Reading:
    """The reading again, as it would be if these were all texts of the reference. Only a text's is learned so
    closely that the rows it was learned from look less odd than others."""
    return texts.of_texts(reading.column, labels) if isinstance(reading, TextReading) else reading


def _parts(date: DateReading) -> str:
    said = " and ".join(", ".join(date.parts).rsplit(", ", 1))
    return f"{said} count" if "age" in date.parts else f"{said} count, but no age: it advances with the rows"


def _shape(name: str) -> str:
    return f"column {name!r} holds ids: their shape counts, not what they say"
