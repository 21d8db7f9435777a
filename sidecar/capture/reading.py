"""Captures read again: for `sidecar query`, for a policy tried on yesterday's traffic, for a replay, for a
refit.

    for call in calls("captures", columns=("id", "weight", "features", "score")):
        ...

Counterpart: `sidecar.capture.columns`, the schema. Whatever imports this imports nothing large until it
reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sidecar.capture import journal
from sidecar.capture.columns import COLUMNS
from sidecar.capture.extra import needed
from sidecar.errors import SidecarError, UsageError

BATCH_ROWS = 4096

MAPS = frozenset(name for name, one in COLUMNS.items() if one.kind in ("fields", "features", "categories"))


class Found(NamedTuple):
    """Finished files of a capture, in the order in which they were begun, and what opens them: an fsspec file
    system, or None for this machine's."""

    files: list[str]
    filesystem: Any
    journals: list[Path]
    """Calls that are not in a file yet. Only in a directory of this machine."""


def calls(place: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Every captured call at `place` as a dict by column, the oldest file first: plain Python values, bodies
    as bytes, `started` as an aware datetime, `features` as `{field: [value of each row]}`, None where null.

    `place`: a directory or URL that was given as `capture`, or one Parquet file of it. `columns`: the names
    to read, by default all (`sidecar.capture.columns.COLUMNS`); fewer are faster. Calls that are not in a
    file yet come last. Raises UsageError for a wrong column or when nothing is there, SidecarError when it
    cannot be read or pyarrow is missing.
    """
    for batch in batches(place, columns):
        names = batch.schema.names
        maps = [name for name in names if name in MAPS]
        for row in batch.to_pylist():
            for name in maps:
                if row[name] is not None:
                    row[name] = dict(row[name])
            yield row


def batches(place: str, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The same as Arrow record batches (`pyarrow.RecordBatch`) of the schema's columns."""
    names = list(COLUMNS if columns is None else columns)
    if wrong := [name for name in names if name not in COLUMNS]:
        raise UsageError(f"captures have no column {', '.join(wrong)}; there are {', '.join(COLUMNS)}")
    schema = schema_of_files()
    chosen = [schema.field(name) for name in names]
    found = find(place)
    late = list(open_batches(found))
    for name in found.files:
        try:
            yield from _file(name, found.filesystem, chosen)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise SidecarError(f"{name}: cannot be read: {error}") from error
    for batch in late:
        yield batch.select(names)


def _file(name: str, filesystem: Any, fields: list[Any]) -> Iterator[Any]:
    """One file after the other, because not every file system bears several threads."""
    arrow, parquet = needed("pyarrow", "reading captures"), needed("pyarrow.parquet", "reading captures")
    content = filesystem.open(name, "rb") if filesystem is not None else Path(name).open("rb")  # noqa: SIM115
    with content, parquet.ParquetFile(content) as file:
        there = [field.name for field in fields if field.name in file.schema_arrow.names]
        for batch in file.iter_batches(BATCH_ROWS, columns=there, use_threads=False):
            columns = [
                batch[field.name].cast(field.type)
                if field.name in there
                else arrow.nulls(len(batch), field.type)
                for field in fields
            ]
            yield arrow.RecordBatch.from_arrays(columns, schema=arrow.schema(fields))


def schema_of_files() -> Any:
    """The Arrow schema of a capture's files (`pyarrow.Schema`)."""
    return _arrays().SCHEMA


def find(place: str) -> Found:
    """What there is to be read at `place`. Raises UsageError when that's nothing."""
    found = _remote(place) if "://" in place else _local(Path(place))
    if not (found.files or found.journals):
        raise UsageError(f"{place}: there are no captures; give what `capture` was set to, or a Parquet file")
    return found


def open_batches(found: Found) -> Iterator[Any]:
    """Calls that aren't in a file yet, as record batches. A journal that becomes a file meanwhile is left
    out: its calls are read from there, or by the next reader."""
    for path in found.journals:
        try:
            opened = journal.opening(path)
            if opened is None or str(path.parent.parent / opened.name) in found.files:
                continue
            held = list(journal.parcels(path))
        except FileNotFoundError:
            continue
        arrays = _arrays()
        for parcel in held:
            yield arrays.batch(arrays.rows(parcel, opened.service, opened.pod))


def _arrays() -> Any:
    needed("pyarrow", "reading captures")
    return needed("sidecar.capture.arrays", "reading captures")


def _local(path: Path) -> Found:
    if path.is_file():
        return Found([str(path)], None, [])
    # Journals first: one that becomes a file now is then found twice, and told apart by its name.
    journals = sorted((path / journal.FOLDER).glob("*.journal"))
    files = path.glob("date=*/*.parquet")
    return Found([str(file) for file in sorted(files, key=lambda one: _moment(one.name))], None, journals)


def _remote(url: str) -> Found:
    fsspec = needed("fsspec", f"reading {url}")
    try:
        system, root = fsspec.core.url_to_fs(url)
        names = [root] if system.isfile(root) else system.find(root)
    except Exception as error:  # whatever the file system's package raises
        raise SidecarError(f"{url}: cannot be read: {error!r}") from error
    files = [name for name in names if name.endswith(".parquet") and "/." not in name]
    return Found(sorted(files, key=lambda name: _moment(name.rpartition("/")[2])), system, [])


def _moment(name: str) -> tuple[str, str]:
    """What sorts files by the time in their name, whoever wrote them."""
    parts = name.rsplit("-", 3)
    return (parts[1] if len(parts) == 4 else "", name)
