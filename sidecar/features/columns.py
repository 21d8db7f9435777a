"""A payload as flat named columns, and the columns that a schema asks for, by name or by position."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sidecar.errors import Undecodable, reason
from sidecar.exchange import Matrix, Payload, Tensor
from sidecar.features.schema import Schema

Column: TypeAlias = NDArray[Any]
"""One field of every row, shape (rows,); of images (rows, height, width) and perhaps channels."""


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
            found.update(zip(_names(tensor), flat(data).T, strict=True))
    return found


def straight(payload: Payload, schema: Schema) -> Matrix | None:
    """The rows of the one numeric tensor that holds every field of the schema, or None."""
    if len(payload.tensors) != 1:
        return None
    tensor = payload.tensors[0]
    data, named = flat(tensor.data), tensor.columns
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


def sources(payload: Payload, schema: Schema) -> list[Column | None]:
    """The payload's column for each of `schema.sources`; None where it may be absent.

    Raises Undecodable `schema-mismatch:...`."""
    images = schema.plan.images
    if images:
        return _with_images(payload, schema, images)
    found = columns(payload)
    if _nameless(found, schema) and all(tensor.columns is None for tensor in payload.tensors):
        return list(_by_position(found, schema))
    return _by_name(found, schema)


def _with_images(payload: Payload, schema: Schema, images: frozenset[str]) -> list[Column | None]:
    """Images are taken whole: nobody wants a name for each of their pixels."""
    deep = [tensor for tensor in payload.tensors if tensor.data.ndim >= 3]
    flat_ones = tuple(tensor for tensor in payload.tensors if tensor.data.ndim < 3)
    found = columns(Payload(payload.codec, flat_ones))
    found.update((tensor.name, tensor.data) for tensor in deep)
    if len(deep) == len(images) == 1:
        found[next(iter(images))] = deep[0].data  # a single image needs no name to be known by
    return _by_name(found, schema)


def _by_name(found: dict[str, Column], schema: Schema) -> list[Column | None]:
    wanted = [found.get(name) for name in schema.sources]
    strangers = all(source is None for source in wanted)
    for name, source in zip(schema.sources, wanted, strict=True):
        # Clients leave optional keys out altogether. Optional is what the reference knew to be missing.
        if source is None and (strangers or name not in schema.plan.absent):
            raise Undecodable(reason("schema-mismatch:missing", name))
    return wanted


def _by_position(found: dict[str, Column], schema: Schema) -> tuple[Column, ...]:
    if len(found) < len(schema.sources):
        raise Undecodable(reason("schema-mismatch:missing", schema.sources[len(found)]))
    if len(found) > len(schema.sources):
        # Among nameless columns nobody can say which one is the stranger, so none may be dropped.
        raise Undecodable(reason("schema-mismatch:extra", list(found)[len(schema.sources)]))
    return tuple(found.values())


def _nameless(found: dict[str, Column], schema: Schema) -> bool:
    """Whether position is all there is to go by: `x[0]`, `x[1]`, ... of one array, or a single column."""
    first = next(iter(found), "")
    if len(found) == 1 and first in schema.sources:
        return False
    base = first.rpartition("[")[0]
    return len(found) == 1 or all(name == f"{base}[{i}]" for i, name in enumerate(found))


def _names(tensor: Tensor) -> tuple[str, ...]:
    """The names of the flat columns of a tensor that has a second axis."""
    if tensor.columns is not None and tensor.data.ndim == 2:
        return tensor.columns
    width = math.prod(tensor.data.shape[1:])
    return (tensor.name,) if width == 1 else tuple(f"{tensor.name}[{i}]" for i in range(width))


def flat(data: Column) -> Column:
    """Shape (rows, everything else)."""
    return data if data.ndim == 2 else data.reshape(data.shape[0], math.prod(data.shape[1:]))
