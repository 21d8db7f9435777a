"""SQL over captures with DuckDB: one view, `calls`, of everything that is there, also what's not in a file
yet.

Nothing is downloaded and nothing is written: extensions are off, and only the capture's files can be read.
Counterpart: `sidecar.capture.reading`, which finds the files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from sidecar.capture.extra import needed
from sidecar.capture.reading import Found, find, open_batches, schema_of_files
from sidecar.errors import SidecarError, UsageError

WIDEST = 60
"""Characters of a cell in a table for people."""


class Answer:
    """Names of columns, and rows as plain values."""

    def __init__(self, names: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.names = names
        self.rows = rows


def ask(place: str, sql: str) -> Answer:
    """What `sql` says of the calls captured at `place`. Raises UsageError when the SQL is wrong, SidecarError
    when something can't be read."""
    duckdb = needed("duckdb", "sidecar query")
    found = find(place)
    with duckdb.connect(":memory:", config=_OFFLINE) as connection:
        try:
            _shut(connection, _view(connection, found))
            relation = connection.execute(sql)
            names = [one[0] for one in relation.description or []]
            return Answer(names, relation.fetchall())
        except duckdb.IOException as error:
            raise SidecarError(f"{place}: {_said(error)}") from error
        except duckdb.Error as error:
            raise UsageError(f"query: {_said(error)}") from error


_OFFLINE = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


def _view(connection: Any, found: Found) -> list[str]:
    """Make the view; the files that it reads, as DuckDB calls them."""
    parts, files = [], found.files
    if files:
        if found.filesystem is not None:
            connection.register_filesystem(found.filesystem)
            protocol = found.filesystem.protocol
            prefix = protocol if isinstance(protocol, str) else protocol[0]
            files = [f"{prefix}://{name}" for name in files]
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
        # No parameters in a view; the names are those of files that were found, their quotes doubled.
        options = "union_by_name=true, hive_partitioning=false"
        parts.append(f"select * from read_parquet([{listed}], {options})")  # noqa: S608
    if late := list(open_batches(found)):
        arrow = needed("pyarrow", "sidecar query")
        connection.register("late_calls", arrow.Table.from_batches(late, schema_of_files()))
        parts.append("select * from late_calls")
    connection.execute(f"create view calls as {' union all by name '.join(parts)}")
    return files


def _shut(connection: Any, files: list[str]) -> None:
    """What is asked may come from anywhere; it reads nothing but the captures."""
    connection.execute("set allowed_paths=?", [files])
    connection.execute("set enable_external_access=false")
    connection.execute("set lock_configuration=true")


def _said(error: Exception) -> str:
    return str(error).partition("\n\n")[0].strip()


# -- printing --------------------------------------------------------------------------------------


def _table(answer: Answer) -> str:
    rows = [answer.names, *([_shown(value) for value in row] for row in answer.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]]) + "\n"


def _shown(value: Any) -> str:
    text = "" if value is None else str(_plain(value))
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _plain(value: Any) -> Any:
    """Bodies as text, because most are."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _csv(answer: Answer) -> str:
    return "".join(map(_csv_line, (answer.names, *(map(_plain, row) for row in answer.rows))))


def _csv_line(row: Iterable[Any]) -> str:
    """Written with both of CSV's ends of line, or one of them inside a text would stand unquoted there."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(row)
    return f"{out.getvalue()[:-2]}\n"


def _json(answer: Answer) -> str:
    lines: Iterable[bytes] = (
        msgspec.json.encode(dict(zip(answer.names, map(_plain, row), strict=True)), enc_hook=str)
        for row in answer.rows
    )
    return "".join(f"{line.decode()}\n" for line in lines)


FORMATS: dict[str, Callable[[Answer], str]] = {"table": _table, "csv": _csv, "json": _json}
"""How an answer is printed: for people, for spreadsheets, a JSON object a line."""
