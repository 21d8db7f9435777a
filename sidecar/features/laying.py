"""Payload -> Features: rows in the schema's order, as values for windows and as a matrix for detectors."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from sidecar.errors import reason
from sidecar.exchange import Features, Matrix, Payload
from sidecar.features.cells import Reader
from sidecar.features.columns import Column, sources, straight
from sidecar.features.schema import Field, Mask, Schema

_why = lru_cache(maxsize=4096)(reason)
"""Reasons that name a field of a schema: few, and wanted again for every bad row."""


def lay_out(payload: Payload, schema: Schema) -> Features:
    """The payload's rows in the schema's order, as values for windows and as a matrix for detectors.

    Missing (null, NaN, empty text where a number is due) is NaN in `values`. In `matrix` it is the
    field's `fill` with the indicator set where the reference knew missing values, else the row is
    unscorable. Rows in `unscorable` carry one of the reasons `missing:F`, `infinite:F`,
    `not-a-number:F`, `not-a-boolean:F`, `not-a-date:F` for their first bad field. Constant fields are in
    `values` only, so nothing in them makes a row unscorable. Arrays may be those of the payload: neither is
    written to.

    Raises Undecodable `schema-mismatch:...` when a field of the schema cannot be found, `not-an-image:F` when
    an image is none. A field of the payload that the schema doesn't know is ignored: a model that begins to
    send one more column has not changed those it was fitted on.
    """
    plan = schema.plan
    values = straight(payload, schema) if plan.numeric else None
    unscorable: dict[int, str] = {}
    if values is None:
        values = _read(payload, schema, unscorable)
    if plan.whole and np.count_nonzero(np.isfinite(values)) == values.size:  # `all()` takes twice as long
        return Features(values, values, sound=True)
    return Features(values, _matrix(values, schema, unscorable), unscorable)


def again(values: Matrix, schema: Schema) -> Features:
    """Rows that were laid out before, from their `values`, (rows, fields): what a record carries."""
    unscorable: dict[int, str] = {}
    return Features(values, _matrix(values, schema, unscorable), unscorable)


# -- reading the values ------------------------------------------------------------------------------


def _read(payload: Payload, schema: Schema, unscorable: dict[int, str]) -> Matrix:
    """Every field of every row as a float: numbers, 0 and 1, ranks of categories, NaN."""
    values = np.full((payload.rows, len(schema.fields)), np.nan)
    for step, source in zip(schema.plan.steps, sources(payload, schema), strict=True):
        if source is None:
            continue
        if step.reading is not None:
            read, bad = step.reading.read(source)
            values[:, step.start : step.end] = read
            for row, kind in bad.items():
                unscorable.setdefault(row, _why(kind, step.reading.column))
        elif step.plain is not None:
            values[:, step.start] = _column(step.field, step.plain, source, unscorable)
    return values


def _column(field: Field, read: Reader, source: Column, unscorable: dict[int, str]) -> Column | list[float]:
    if source.dtype.kind in "fiub" and not field.categories:
        return source
    cells = source.tolist()
    try:
        return list(map(read, cells))
    except (ValueError, TypeError):
        return [_read_one(field, read, row, cell, unscorable) for row, cell in enumerate(cells)]


def _read_one(field: Field, read: Reader, row: int, cell: object, unscorable: dict[int, str]) -> float:
    try:
        return read(cell)
    except (ValueError, TypeError):
        if field.kind != "constant":
            kind = "not-a-boolean" if field.kind == "boolean" else "not-a-number"
            unscorable.setdefault(row, _why(kind, field.name))
        return math.nan


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
        unscorable.setdefault(row, _why("missing" if absent else "infinite", schema.plan.said[i]))
