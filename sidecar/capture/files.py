"""A journal becomes a Parquet file: whole under its own name, or not there at all.

    python -m sidecar.capture.files JOURNAL FOLDER

The name comes from the journal, so finishing one twice, because a crash fell between two steps, writes the
same file twice. Row groups are bounded in bytes, so that neither we nor readers need much memory. A process
of its own, because pyarrow is large and a file is made every few minutes only. Counterpart:
`sidecar.capture.finishing`, which starts it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sidecar import __version__
from sidecar.capture import arrays, journal
from sidecar.capture.columns import Row
from sidecar.capture.finishing import UNWRITABLE
from sidecar.tasks import step_aside

GROUP_ROWS = 16_384
GROUP_BYTES = 4 * 1024 * 1024
"""A row group ends at the first of these. Twice the bytes make files 1.5 % smaller, and take 30 MB more."""

BATCH_ROWS = 512
BATCH_BYTES = 4 * 1024 * 1024
"""Rows made into columns in one go, before others may run."""


def finish(path: Path, folder: Path) -> Path | None:
    """Make the Parquet file of the journal at `path`, below `folder`, and delete the journal. None: it held
    nothing. Raises OSError, or ValueError when nothing in it can be read; then the journal stays."""
    opened = journal.opening(path)
    batches = _batches(path, opened) if opened is not None else iter(())
    first = next(batches, None)
    if opened is None or first is None:
        if frames := journal.unreadable(path):
            raise ValueError(f"{frames} frames cannot be read; another version may have written them")
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


def main(journal_path: Path, folder: Path) -> None:
    """Print how many bytes the file has, 0 for none; or end with one line that says why there is none."""
    try:
        made = finish(journal_path, folder)
    except OSError as error:
        sys.exit(str(error))
    except Exception as error:  # whatever Arrow finds that it cannot hold
        print(repr(error), file=sys.stderr)
        sys.exit(UNWRITABLE)
    print(made.stat().st_size if made is not None else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
