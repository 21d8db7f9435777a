"""Payload -> Features: named tensors laid out as the matrix that a baseline was fitted on.

The schema is the reference's: which fields there were, of which kind, and what a missing value becomes.
`sidecar.baseline` infers it, every call is laid out against it. Counterpart: `sidecar.codecs`, which made
the payload and knows nothing of schemas.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.errors import Undecodable, reason
from sidecar.exchange import Features, Matrix, Payload, Tensor

Column = NDArray[Any]
"""One field of every row, shape (rows,)."""

Mask = NDArray[np.bool_]

_why = lru_cache(maxsize=4096)(reason)
"""Reasons that name a field of a schema: few, and wanted again for every bad row."""


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

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the fields: equal schemas, equal digests."""
        return hashlib.sha256(msgspec.json.encode(self.fields)).hexdigest()[:12]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields' names, in order: the columns of `Features.values`."""
        return tuple(field.name for field in self.fields)

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
        return Plan(
            numeric=all(field.kind == "number" for field in fields),
            whole=len(varying) == len(fields) and not any(field.missing for field in fields),
            varying=np.array(varying, dtype=np.intp),
            fills=np.array([field.fill for field in fields], dtype=np.float64),
            indicated=np.array([i for i, field in enumerate(fields) if field.missing], dtype=np.intp),
            seen=np.array([field.kind != "constant" for field in fields], dtype=np.bool_),
            optional=np.array([field.missing for field in fields], dtype=np.bool_),
            expected=frozenset(self.names),
            readers=tuple(_reader(field) for field in fields),
        )


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
    readers: tuple[Reader, ...]


def lay_out(payload: Payload, schema: Schema) -> Features:
    """The payload's rows in the schema's order, as values for windows and as a matrix for detectors.

    Missing (null, NaN, empty text where a number is due) is NaN in `values`. In `matrix` it is the
    field's `fill` with the indicator set where the reference knew missing values, else the row is
    unscorable. Rows in `unscorable` carry one of the reasons `missing:F`, `infinite:F`,
    `not-a-number:F`, `not-a-boolean:F` for their first bad field. Constant fields are in `values` only,
    so nothing in them makes a row unscorable. Arrays may be those of the payload: neither is written to.

    Raises Undecodable `schema-mismatch:...` when a field of the schema cannot be found. A field of the
    payload that the schema doesn't know is ignored: a model that begins to send one more column
    has not changed those it was fitted on.
    """
    plan = schema.plan
    values = _straight(payload, schema) if plan.numeric else None
    unscorable: dict[int, str] = {}
    if values is None:
        values = _read(payload, schema, unscorable)
    if plan.whole and np.isfinite(values).all():
        return Features(values, values, sound=True)
    return Features(values, _matrix(values, schema, unscorable), unscorable)


def column_names(payload: Payload) -> tuple[str, ...]:
    """The names of the payload's flat columns, in order.

    A tensor of shape (n,) or (n, 1) is one column with its own name. Wider ones give a column for each
    name in `Tensor.columns`, or `name[0]`, `name[1]`, ... in row-major order of the axes after the first.
    """
    return tuple(columns(payload))


def columns(payload: Payload) -> dict[str, Column]:
    """The payload as flat named columns of shape (rows,), in the order of `column_names`."""
    found: dict[str, Column] = {}
    for tensor in payload.tensors:
        data = tensor.data
        if data.ndim == 1:
            found[tensor.name] = data
        elif data.ndim == 2 and data.shape[1] == 1 and tensor.columns is None:
            found[tensor.name] = data[:, 0]
        else:
            found.update(zip(_names(tensor), _flat(data).T, strict=True))
    return found


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


# -- finding the columns -----------------------------------------------------------------------------


def _straight(payload: Payload, schema: Schema) -> Matrix | None:
    """The rows of the one numeric tensor that holds every field of the schema, or None."""
    if len(payload.tensors) != 1:
        return None
    tensor = payload.tensors[0]
    data, named = _flat(tensor.data), tensor.columns
    if data.dtype.kind not in "fiu":
        return None
    if named is None:
        if data.shape[1] != len(schema.fields):
            return None
    elif named != schema.names:
        place = {name: i for i, name in enumerate(named)}
        if not place.keys() >= schema.plan.expected:
            return None
        data = data[:, [place[name] for name in schema.names]]
    return np.ascontiguousarray(data, dtype=np.float64)


def _sources(payload: Payload, schema: Schema) -> list[Column | None]:
    """The payload's column for every field of the schema; None where the field may be absent."""
    found = columns(payload)
    if _nameless(found, schema) and all(tensor.columns is None for tensor in payload.tensors):
        return list(_by_position(found, schema))
    sources = [found.get(name) for name in schema.names]
    strangers = all(source is None for source in sources)
    for field, source in zip(schema.fields, sources, strict=True):
        # Clients leave optional keys out altogether. Optional is what the reference knew to be missing.
        if source is None and (strangers or not field.missing):
            raise Undecodable(reason("schema-mismatch:missing", field.name))
    return sources


def _by_position(found: dict[str, Column], schema: Schema) -> tuple[Column, ...]:
    if len(found) < len(schema.names):
        raise Undecodable(reason("schema-mismatch:missing", schema.names[len(found)]))
    if len(found) > len(schema.names):
        # Among nameless columns nobody can say which one is the stranger, so none may be dropped.
        raise Undecodable(reason("schema-mismatch:extra", list(found)[len(schema.names)]))
    return tuple(found.values())


def _nameless(found: dict[str, Column], schema: Schema) -> bool:
    """Whether position is all there is to go by: `x[0]`, `x[1]`, ... of one array, or a single column."""
    first = next(iter(found), "")
    if len(found) == 1 and first in schema.names:
        return False
    base = first.rpartition("[")[0]
    return len(found) == 1 or all(name == f"{base}[{i}]" for i, name in enumerate(found))


def _names(tensor: Tensor) -> tuple[str, ...]:
    """The names of the flat columns of a tensor that has a second axis."""
    if tensor.columns is not None and tensor.data.ndim == 2:
        return tensor.columns
    width = math.prod(tensor.data.shape[1:])
    return (tensor.name,) if width == 1 else tuple(f"{tensor.name}[{i}]" for i in range(width))


def _flat(data: Column) -> Column:
    """Shape (rows, everything else)."""
    return data if data.ndim == 2 else data.reshape(data.shape[0], math.prod(data.shape[1:]))


# -- reading the values ------------------------------------------------------------------------------


def _read(payload: Payload, schema: Schema, unscorable: dict[int, str]) -> Matrix:
    """Every field of every row as a float: numbers, 0 and 1, ranks of categories, NaN."""
    sources = _sources(payload, schema)
    values = np.full((payload.rows, len(sources)), np.nan)
    for i, (field, source, read) in enumerate(zip(schema.fields, sources, schema.plan.readers, strict=True)):
        if source is None:
            continue
        if source.dtype.kind in "fiub" and not field.categories:
            values[:, i] = source
            continue
        cells = source.tolist()
        try:
            values[:, i] = list(map(read, cells))
        except (ValueError, TypeError):
            values[:, i] = [_read_one(field, read, row, cell, unscorable) for row, cell in enumerate(cells)]
    return values


def _read_one(field: Field, read: Reader, row: int, cell: object, unscorable: dict[int, str]) -> float:
    try:
        return read(cell)
    except (ValueError, TypeError):
        if field.kind != "constant":
            kind = "not-a-boolean" if field.kind == "boolean" else "not-a-number"
            unscorable.setdefault(row, _why(kind, field.name))
        return math.nan


Reader = Callable[[Any], float]
"""One value as it was sent -> its number. Raises ValueError or TypeError when it has none."""


def _reader(field: Field) -> Reader:
    if not field.categories:
        return _boolean if field.kind == "boolean" else _number
    ranks: dict[str | None, float] = {name: float(rank) for rank, name in enumerate(field.categories)}
    unseen = float(len(ranks))
    ranks[None] = math.nan
    return lambda value: ranks.get(value if type(value) is str else label(value), unseen)


def _number(value: Any) -> float:
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
    return _number(value) if known is None else known


# -- the detectors' matrix ---------------------------------------------------------------------------


def _matrix(values: Matrix, schema: Schema, unscorable: dict[int, str]) -> Matrix:
    """`values` without constants and NaN, with indicators; notes the rows that have no place in it."""
    plan = schema.plan
    finite = np.isfinite(values)
    if finite.all():
        return np.hstack((values[:, plan.varying], np.zeros((len(values), len(plan.indicated)))))
    missing = np.isnan(values)
    _refuse(missing, ~finite & plan.seen & ~(missing & plan.optional), schema, unscorable)
    indicators = missing[:, plan.indicated].astype(np.float64)
    return np.hstack((np.where(finite, values, plan.fills)[:, plan.varying], indicators))


def _refuse(missing: Mask, bad: Mask, schema: Schema, unscorable: dict[int, str]) -> None:
    """Note the first bad field of every row that has one."""
    rows = np.flatnonzero(bad.any(axis=1))
    firsts = bad[rows].argmax(axis=1)
    for row, i, absent in zip(rows.tolist(), firsts.tolist(), missing[rows, firsts].tolist(), strict=True):
        unscorable.setdefault(row, _why("missing" if absent else "infinite", schema.names[i]))
