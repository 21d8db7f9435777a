"""Records as Arrow columns, as `sidecar.capture.columns` lists them. Imported by writers and readers only.

Values of features are laid out by NumPy, because there are many: a million calls of thirty features are a
minute's work value by value, and a second's in blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from sidecar.capture.columns import COLUMNS, Kind, Row
from sidecar.capture.parcels import Layout, Parcel

KINDS: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "moment": pa.timestamp("us", tz="UTC"),
    "number": pa.float64(),
    "numbers": pa.list_(pa.float64()),
    "whole": pa.int64(),
    "wholes": pa.list_(pa.int64()),
    "yes or no": pa.bool_(),
    "bytes": pa.binary(),
    "fields": pa.map_(pa.string(), pa.string()),
    "features": pa.map_(pa.string(), pa.list_(pa.float64())),
    "categories": pa.map_(pa.string(), pa.list_(pa.string())),
    "detectors": pa.list_(
        pa.struct(
            [
                ("name", pa.string()),
                ("raw", pa.float64()),
                ("p", pa.float64()),
                ("top", pa.list_(pa.string())),
            ]
        )
    ),
}
"""Kind of a column -> Arrow type."""

SCHEMA = pa.schema([(name, KINDS[column.kind]) for name, column in COLUMNS.items()])


def rows(parcel: Parcel, service: str, pod: str) -> list[Row]:
    """The rows of a parcel. A record without what a capture adds to it has none."""
    return [
        Row(record, record.captured, parcel.layouts.get(record.baseline), parcel.drift, service, pod)
        for record in parcel.records
        if record.captured is not None
    ]


def batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows as one record batch of `SCHEMA`."""
    arrays = []
    for name, column in COLUMNS.items():
        if name == "features":
            arrays.append(_features(rows))
        elif name == "categories":
            arrays.append(_categories(rows))
        else:
            arrays.append(pa.array(map(column.of, rows), KINDS[column.kind], size=len(rows)))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _features(rows: Sequence[Row]) -> pa.Array:
    """For each call a map from the field's name to its value in each row. NaN becomes null."""
    names: list[str] = []
    first: dict[int, int] = {}
    """Where in `names` those of a layout begin."""
    keys, blocks, lengths, widths = [], [], [], []
    for row in rows:
        values = _block(row)
        widths.append(None if values is None else len(values))
        if values is None or row.layout is None:
            continue
        if id(row.layout) not in first:
            first[id(row.layout)] = len(names)
            names += row.layout.names
        keys.append(np.arange(len(values)) + first[id(row.layout)])
        lengths.append(np.full(len(values), values.shape[1]))
        blocks.append(values.ravel())
    ends = np.concatenate([[0], *lengths]).cumsum()
    flat = pa.array(np.concatenate([[], *blocks]), pa.float64(), from_pandas=True)
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat)
    taken = pa.array(names, pa.string()).take(pa.array(np.concatenate([[], *keys]), pa.int64()))
    return pa.MapArray.from_arrays(_offsets(widths), taken, lists)


def _block(row: Row) -> np.ndarray[Any, Any] | None:
    """Fields x rows; None where the features cannot be named."""
    width = len(row.layout.names) if row.layout is not None else 0
    data = row.record.features
    if not (width and data and len(data) == 8 * width * row.record.rows):
        return None
    return np.frombuffer(data, "<f8").reshape(-1, width).T


def _offsets(widths: Sequence[int | None]) -> pa.Array:
    """Where each map begins, and the end; null for those that are null."""
    begins = [0, *accumulate(width or 0 for width in widths)]
    shown = [None if width is None else begin for begin, width in zip(begins, widths, strict=False)]
    return pa.array([*shown, begins[-1]], pa.int32())


def _categories(rows: Sequence[Row]) -> pa.Array:
    """The same few maps again and again: each is made once, and taken as often as it is wanted."""
    layouts: dict[int, Layout] = {id(row.layout): row.layout for row in rows if row.layout is not None}
    places = {key: place for place, key in enumerate(layouts)}
    maps = [
        [(name, list(names)) for name, names in zip(one.names, one.categories, strict=True) if names] or None
        for one in layouts.values()
    ]
    chosen = [places.get(id(row.layout)) for row in rows]
    return pa.array(maps, KINDS["categories"]).take(pa.array(chosen, pa.int64()))
