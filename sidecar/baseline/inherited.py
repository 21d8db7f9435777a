"""What a refit takes over from the baseline in use: how dates, ids, texts and images are read.

Of traffic the observer keeps fields, not columns: the hour and not the date, how surprising a text's letters
are and not the text. So what made fields of columns stays as it was: the newest date that ages are counted
from, the patterns of ids, the table of letters, the spread of images. All else is learned anew from the
fields, and values of categories are put in the order of how frequent they are now.

What speaks of the columns themselves is taken over as it is, where it still fits. Counterparts:
`sidecar.observer.refit` writes the fields down, `sidecar.baseline.fit` goes by them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.baseline.schema import infer
from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.features import Field, Reading, Schema, label
from sidecar.features.dates import WEEKDAYS, DateReading
from sidecar.features.ids import IdReading
from sidecar.scoring import artifact
from sidecar.scoring.baseline import CLEAN
from sidecar.scoring.detector import Arrays
from sidecar.scoring.prints import PREFIX as PRINTS
from sidecar.scoring.prints import RAW


class Inherited(NamedTuple):
    """What a refit goes by. `flat`: its fields, each as if it were a column, which is how they are kept;
    `readings`: how live calls make these fields of their columns."""

    flat: Schema
    readings: tuple[Reading, ...]
    notes: tuple[str, ...]
    arrays: Arrays
    """What is taken over, to be stored with what is learned."""
    printed: bool
    """Whether prints of rows can be learned anew, because they are of fields only."""
    pixels: str
    """How the fields form a picture; empty when they don't."""


def inherit(like: Path, table: Table) -> Inherited:
    """The schema of `table`, whose columns are fields of the baseline `like`.

    Raises BaselineError when that cannot be read, and DataError when a column looks now as if it were of
    another kind, or has no values any more."""
    manifest, arrays = artifact.read(like)
    old = Schema(manifest.schema, manifest.readings)
    made = {name: reading for reading in old.readings for name in reading.fields}
    plain = {name: column for name, column in table.columns.items() if name not in made}
    inferred, notes = _plain(table, plain, varying=not made)
    fields = tuple(
        _again(table, field) if field.name in made else inferred[field.name]
        for field in old.fields
        if field.name in made or field.name in inferred
    )
    by_name = {field.name: field for field in fields}
    readings = tuple(_in_order(reading, by_name) for reading in old.readings)
    flat = Schema(fields)
    taken, said = _taken_over(old, Schema(fields, readings), arrays)
    raw = any(isinstance(reading, RAW) for reading in readings)
    pixels = manifest.pixels if flat.names == old.names else ""
    return Inherited(flat, readings, (*notes, *said), taken, not raw, pixels)


def _plain(
    table: Table, columns: dict[str, NDArray[Any]], *, varying: bool
) -> tuple[dict[str, Field], tuple[str, ...]]:
    """The fields that are columns, as any fit would infer them. `varying`: one must be left that does."""
    found, notes = infer(msgspec.structs.replace(table, columns=columns), varying=varying)
    if found.readings:
        name = found.readings[0].column
        raise DataError(
            f"{table.file}: column {name!r} looks like dates, ids or texts now, and did not before;"
            " fit from a file"
        )
    return {field.name: field for field in found.fields}, notes


def _again(table: Table, field: Field) -> Field:
    """A field of a reading as the rows have it. Never a constant, as in any fit."""
    column = table.columns.get(field.name, np.empty(0, dtype=object))
    labels = [label(cell) for cell in column.tolist()]
    missing = None in labels
    counts = Counter(labels)
    if len(counts) == missing:
        raise DataError(f"{table.file}: field {field.name!r} has no values any more; fit from a file")
    if field.categories:
        rank = {name: i for i, name in enumerate(field.categories)}
        order = tuple(sorted(field.categories, key=lambda name: (-counts[name], rank[name])))
        return Field(field.name, "category", order, missing)
    fill = float(np.nanmedian(column.astype(np.float64))) if missing else 0.0
    return Field(field.name, "number", missing=missing, fill=fill)


def _in_order(reading: Reading, fields: dict[str, Field]) -> Reading:
    """The reading with its categories in the order of their fields."""
    match reading:
        case IdReading():
            order = fields[f"{reading.column} pattern"].categories
            return msgspec.structs.replace(reading, patterns=order)
        case DateReading():
            hours, days = (_codes(fields.get(f"{reading.column} {part}")) for part in ("hour", "weekday"))
            return msgspec.structs.replace(reading, hours=hours, weekdays=days)
    return reading


def _codes(field: Field | None) -> tuple[int, ...]:
    """Hours and weekdays by number, from what they are called."""
    names = field.categories if field is not None else ()
    return tuple(WEEKDAYS.index(name) if name in WEEKDAYS else int(name.removesuffix("h")) for name in names)


def _taken_over(old: Schema, new: Schema, arrays: Arrays) -> tuple[Arrays, tuple[str, ...]]:
    """What clean texts and pictures are like, and prints where they are of what was not kept."""
    taken = {name: array for name, array in arrays.items() if name.startswith(CLEAN)}
    if not any(isinstance(reading, RAW) for reading in new.readings):
        return taken, ()
    kinds = [[(field.name, field.kind, field.categories) for field in one.fields] for one in (old, new)]
    if old.columns != new.columns or kinds[0] != kinds[1]:
        return taken, (
            "there are no prints of questions any more, because categories or columns are others now; fit"
            " from a file to have them",
        )
    return taken | {name: array for name, array in arrays.items() if name.startswith(PRINTS)}, ()
