"""The schema of a reference: its fields in their order, and how columns that hold more than one are read.

Most columns are one field: a number, a boolean, a category. A date, an id, a text or an image says several
things at once, so it has a `Reading` that makes several fields of it, which stand side by side and are
numbers and categories like all others: windows, cohorts and explanations need not know where a field came
from.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.features.cells import Reader, reader
from sidecar.features.dates import DateReading
from sidecar.features.ids import IdReading
from sidecar.features.images import ImageReading
from sidecar.features.texts import TextReading

Mask: TypeAlias = NDArray[np.bool_]

Reading: TypeAlias = DateReading | IdReading | TextReading | ImageReading


class Field(msgspec.Struct, frozen=True):
    """One field of the reference.

    `categories` stand in descending frequency: a value's code is its rank, 0 the most frequent, and a
    category never seen gets the next code after the last. Rarity is then the upper tail, which tail-based
    detectors (ECOD, COPOD) understand without any further encoding. `missing` says that the reference
    had missing values here, `fill` what stands for one in the detector matrix: the median, or the
    code of the mode. A constant field with categories is compared as text, without as a number.
    """

    name: str
    kind: Literal["number", "boolean", "category", "constant"]
    categories: tuple[str, ...] = ()
    missing: bool = False
    fill: float = 0.0


class Schema(msgspec.Struct, frozen=True, dict=True):
    """The fields of a reference in their order. (`dict` only holds what is worked out once.)"""

    fields: tuple[Field, ...]
    readings: tuple[Reading, ...] = ()
    """How columns that make several fields are read; each one's fields stand together among `fields`."""

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the fields: equal schemas, equal digests."""
        read = msgspec.json.encode(self.readings) if self.readings else b""
        return hashlib.sha256(msgspec.json.encode(self.fields) + read).hexdigest()[:12]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields' names, in order: the columns of `Features.values`."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The columns that a payload must bring, in the order of the training table."""
        made = {name: reading.column for reading in self.readings for name in reading.fields}
        return tuple(dict.fromkeys(made.get(name, name) for name in self.names))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of `Features.matrix`: every field that varies, then every missing-value indicator."""
        varying = tuple(field.name for field in self.fields if field.kind != "constant")
        return varying + tuple(f"{field.name} missing" for field in self.fields if field.missing)

    @cached_property
    def plan(self) -> Plan:
        """What `lay_out` needs to know and would otherwise work out for every call."""
        fields = self.fields
        varying = [i for i, field in enumerate(fields) if field.kind != "constant"]
        owner = {name: reading.column for reading in self.readings for name in reading.fields}
        return Plan(
            numeric=not self.readings and all(map(_plain_number, fields)),
            whole=len(varying) == len(fields) and not any(field.missing for field in fields),
            varying=np.array(varying, dtype=np.intp),
            fills=np.array([field.fill for field in fields], dtype=np.float64),
            indicated=np.array([i for i, field in enumerate(fields) if field.missing], dtype=np.intp),
            seen=np.array([field.kind != "constant" for field in fields], dtype=np.bool_),
            optional=np.array([field.missing for field in fields], dtype=np.bool_),
            expected=frozenset(self.names),
            absent=frozenset(owner.get(field.name, field.name) for field in fields if field.missing),
            images=frozenset(read.column for read in self.readings if isinstance(read, ImageReading)),
            said=tuple(owner.get(field.name, field.name) for field in fields),
            steps=self._steps(),
        )

    def _steps(self) -> tuple[Step, ...]:
        readings = {reading.column: reading for reading in self.readings}
        steps = []
        place = 0
        for name in self.sources:
            reading, field = readings.get(name), self.fields[place]
            width = len(reading.fields) if reading is not None else 1
            plain = reader(field.kind, field.categories) if reading is None else None
            steps.append(Step(place, place + width, field, plain, reading))
            place += width
        return tuple(steps)


def _plain_number(field: Field) -> bool:
    """Whether the field is a number that is taken as it comes."""
    return field.kind == "number" or (field.kind == "constant" and not field.categories)


class Step(NamedTuple):
    """What one source column becomes: the fields `start` to `end`, by a reader of one value or a reading."""

    start: int
    end: int
    field: Field
    """The first of them."""
    plain: Reader | None
    reading: Reading | None


class Plan(NamedTuple):
    """A schema as field numbers and masks. `whole`: the matrix has the same columns as the values."""

    numeric: bool
    whole: bool
    varying: NDArray[np.intp]
    fills: NDArray[np.float64]
    indicated: NDArray[np.intp]
    seen: Mask
    optional: Mask
    expected: frozenset[str]
    absent: frozenset[str]
    """Columns that a payload may lack."""
    images: frozenset[str]
    """Columns that are images."""
    said: tuple[str, ...]
    """What each field is called to a caller: the column it was read from."""
    steps: tuple[Step, ...]
