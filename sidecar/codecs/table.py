"""Rows, records and columns of plain values -> tensors: for every format that says its data in JSON.

A table of numbers becomes one two-dimensional tensor, which is what scoring is fast on. A table of mixed
types becomes one tensor for each column, so that every column keeps a type of its own.

Types: integers are int64, numbers float64 with null as NaN, booleans bool. Everything else is an object
array of `str` with None for null; in such a column numbers and booleans stand as JSON spells them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from types import NoneType
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from sidecar.errors import Undecodable, reason
from sidecar.exchange import Tensor

MAX_DEPTH = 8
"""Lists in lists, or objects in objects. A batch of images is four deep."""

MAX_COLUMNS = 10_000
"""Arrays. A table of mixed types costs one for each column; one of numbers costs one in all."""

MAX_NAME = 256
"""Characters. Names are repeated for every column under them, so a long one would grow without bound."""

_NUMBERS = {float, int, NoneType}
TEXTS = {str, NoneType}
_SCALARS = {float, int, bool, str, NoneType}


def rows(name: str, values: list[Any]) -> tuple[Tensor, ...]:
    """One element for each row: scalars, lists (nested to any rank) or objects."""
    if values and type(values[0]) is dict:
        return records(name, values)
    return grid(name, values)


def grid(name: str, values: Sequence[Any], columns: tuple[str, ...] | None = None) -> tuple[Tensor, ...]:
    """Nested lists, the outermost of which are the rows. `columns` names the second axis.

    Raises Undecodable `ragged-rows`, `columns-differ` or `too-deep`.
    """
    shape, flat = unnest(values)
    if columns is not None and (len(shape) != 2 or shape[1] != len(columns)):
        raise Undecodable("columns-differ")
    kinds = set(map(type, flat))
    if kinds <= _NUMBERS or len(shape) != 2 or kinds <= TEXTS or kinds == {bool}:
        return (Tensor(name, _column(flat, kinds).reshape(shape), columns),)
    if shape[1] > MAX_COLUMNS:
        raise Undecodable("too-many-columns")
    names = columns or tuple(f"{name}[{i}]" for i in range(shape[1]))
    parts = [flat[i :: shape[1]] for i in range(shape[1])]
    return tuple(
        Tensor(key, _column(part, set(map(type, part)))) for key, part in zip(names, parts, strict=True)
    )


def records(name: str, values: Sequence[Any]) -> tuple[Tensor, ...]:
    """One object for each row. A key that some row lacks is null there; nested objects flatten with dots.

    Raises Undecodable `ragged-rows`, `too-sparse`, `too-deep`, `duplicate-name:...`, `not-a-table:...`.
    """
    if set(map(type, values)) != {dict}:
        raise Undecodable("ragged-rows")
    kinds = set(map(type, chain.from_iterable(map(dict.values, values))))
    if dict in kinds:
        values = [_dotted(row) for row in values]
        kinds = set(map(type, chain.from_iterable(map(dict.values, values))))
    names, cells = _cells(values)
    if list not in kinds:
        return grid(name, cells, names)
    return columnar(name, dict(zip(names, map(list, zip(*cells, strict=True)), strict=True)))


def columnar(name: str, value: Any) -> tuple[Tensor, ...]:
    """One named tensor for each key of an object, or a single one in a bare list. A scalar is one row."""
    if type(value) is list:
        return rows(name, value)
    if type(value) is not dict:
        return (Tensor(name, array(name, [value])),)
    named = _dotted(value)
    if len(named) > MAX_COLUMNS:
        raise Undecodable("too-many-columns")
    return tuple(
        Tensor(key, array(key, column if type(column) is list else [column])) for key, column in named.items()
    )


def array(name: str, values: Sequence[Any]) -> NDArray[Any]:
    """Nested lists of scalars as one array. `name` is for the reason when they are not scalars."""
    shape, flat = unnest(values)
    kinds = set(map(type, flat))
    if not kinds <= _SCALARS:
        raise Undecodable(reason("not-a-table", name))
    return _column(flat, kinds).reshape(shape)


def text(values: Iterable[Any]) -> NDArray[Any]:
    """An object array of `str` and None."""
    spelled = [v if v is None or type(v) is str else orjson.dumps(v).decode() for v in values]
    out = np.empty(len(spelled), dtype=object)
    out[:] = spelled
    return out


def _column(flat: Sequence[Any], kinds: set[type]) -> NDArray[Any]:
    """Scalars of the types `kinds`, in the narrowest type of array that holds them all."""
    # numpy is never left to find a type for text: one long string would be paid for in every cell.
    if kinds <= _NUMBERS:
        if kinds == {int}:
            whole = np.array(flat)
            return whole if whole.dtype != object else whole.astype(np.float64)
        if NoneType in kinds:
            return np.array(flat, dtype=np.float64)
        return np.fromiter(flat, np.float64, len(flat))  # half the time, but None would be refused
    if kinds == {bool}:
        return np.array(flat, dtype=np.bool_)
    if kinds <= _SCALARS:
        return text(flat)
    raise Undecodable("ragged-rows")


def unnest(values: Sequence[Any]) -> tuple[tuple[int, ...], Sequence[Any]]:
    """The shape of nested lists, and their scalars in row-major order."""
    shape = [len(values)]
    while values and type(values[0]) is list:
        width = len(values[0])
        if len(values) == 1:
            values = values[0]
        else:
            if set(map(type, values)) != {list} or set(map(len, values)) != {width}:
                raise Undecodable("ragged-rows")
            values = list(chain.from_iterable(values))
        shape.append(width)
        if len(shape) > MAX_DEPTH:
            raise Undecodable("too-deep")
    return tuple(shape), values


def _cells(values: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Every key of any row, in order of first appearance, and the rows' values in that order."""
    first = list(values[0])
    if all(list(row) == first for row in values):
        return tuple(first), [list(row.values()) for row in values]
    names = tuple(dict.fromkeys(chain.from_iterable(values)))
    # Rows that share no keys would grow a table quadratic in the size of the body.
    if len(names) * len(values) > 4 * sum(map(len, values)) + 10_000:
        raise Undecodable("too-sparse")
    return names, [[row.get(name) for name in names] for row in values]


def _dotted(row: dict[str, Any]) -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    for _ in range(MAX_DEPTH):
        if dict not in map(type, row.values()):
            return row
        flat: dict[str, Any] = {}
        for key, value in row.items():
            for name, inner in _opened(key, value):
                if name in flat:
                    raise Undecodable(reason("duplicate-name", name))
                flat[name] = inner
        row = flat
    raise Undecodable("too-deep")


def _opened(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    if type(value) is dict:
        if len(key) > MAX_NAME:
            raise Undecodable(reason("name-too-long", key))
        return ((f"{key}.{inner}", item) for inner, item in value.items())
    return ((key, value),)
