"""A journal becomes a Parquet file: whole under its own name, or not there at all.

The name comes from the journal, so finishing one twice, because a crash fell between two steps, writes the
same file twice. Row groups are bounded in bytes, so that neither writer nor readers need much memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sidecar import __version__
from sidecar.capture import arrays, journal
from sidecar.capture.columns import Row
from sidecar.tasks import step_aside

GROUP_ROWS = 16_384
GROUP_BYTES = 8 * 1024 * 1024
"""A row group ends at the first of these."""

BATCH_ROWS = 512
BATCH_BYTES = 4 * 1024 * 1024
"""Rows made into columns in one go, before others may run."""


def finish(path: Path, folder: Path) -> Path | None:
    """Make the Parquet file of the journal at `path`, below `folder`, and delete the journal. None: it held
    nothing. Raises OSError; then the journal is still there."""
    opened = journal.opening(path)
    batches = _batches(path, opened) if opened is not None else iter(())
    first = next(batches, None)
    if opened is None or first is None:
        path.unlink(missing_ok=True)
        return None
    target = folder / opened.name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        _write(part, first, batches, opened)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(target.parent)
    path.unlink(missing_ok=True)
    pa.default_memory_pool().release_unused()
    return target


def _write(
    part: Path, first: pa.RecordBatch, rest: Iterator[pa.RecordBatch], opened: journal.Opening
) -> None:
    about = {"sidecar": __version__, "service": opened.service, "pod": opened.pod}
    schema = arrays.SCHEMA.with_metadata(about)
    with part.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            group, size = [first], first.nbytes
            for batch in rest:
                if size + batch.nbytes > GROUP_BYTES or sum(map(len, group)) + len(batch) > GROUP_ROWS:
                    writer.write_table(pa.Table.from_batches(group))
                    group, size = [], 0
                group.append(batch)
                size += batch.nbytes
            writer.write_table(pa.Table.from_batches(group))
        file.flush()
        os.fsync(file.fileno())


def _batches(path: Path, opened: journal.Opening) -> Iterator[pa.RecordBatch]:
    waiting: list[Row] = []
    size = 0
    for parcel in journal.parcels(path):
        waiting += arrays.rows(parcel, opened.service, opened.pod)
        size += parcel.size
        if len(waiting) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield arrays.batch(waiting)
            waiting, size = [], 0
            step_aside()
    if waiting:
        yield arrays.batch(waiting)


def _sync(folder: Path) -> None:
    """Make a new name in this directory last."""
    place = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(place)
    finally:
        os.close(place)
