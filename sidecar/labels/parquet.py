"""Labels in Parquet. The observer reads it in a process of its own, which ends with its answer:

    python -m sidecar.labels.parquet id row label time < labels.parquet > labels.msgpack

so that pyarrow is never in the observer's memory, and a file that breaks pyarrow breaks nothing else.
The answer is `Answer` in msgpack. Counterpart: `sidecar.console.uploads`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from sidecar.errors import DataError
from sidecar.labels.label import Label
from sidecar.labels.reading import Names, Read, of_rows


class Answer(msgspec.Struct, frozen=True):
    """Labels, or why there are none."""

    labels: tuple[Label, ...] = ()
    empty: int = 0
    failure: str = ""


def read(content: bytes, names: Names) -> Read:
    """The labels in a Parquet file. Raises DataError."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise DataError(
            "Parquet needs pyarrow, which is not installed; send CSV or JSON lines, or install sidecar with"
            " its extra `fit`"
        ) from error
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        return of_rows(_rows(file, names), names)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"not Parquet: {error}") from error


def _rows(file: Any, names: Names) -> Iterator[tuple[str, Any]]:
    there = set(file.schema_arrow.names)
    columns = [name for name in names if name in there]
    number = 0
    for batch in file.iter_batches(columns=columns):
        for row in _told(batch).to_pylist():
            number += 1
            yield f"row {number}", row


def _told(batch: Any) -> Any:
    """The batch with moments to the microsecond: Python has no finer ones, but pandas writes them."""
    import pyarrow as pa

    columns = [
        column.cast(pa.timestamp("us", column.type.tz), safe=False)
        if pa.types.is_timestamp(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def main() -> None:
    """Read standard input, answer on standard output."""
    try:
        found = read(sys.stdin.buffer.read(), Names(*sys.argv[1:]))
        answer = Answer(tuple(found.labels), found.empty)
    except DataError as error:
        answer = Answer(failure=str(error))
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()
