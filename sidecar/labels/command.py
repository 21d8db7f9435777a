"""`sidecar labels push FILE`: arguments, and what is said. Counterpart: `sidecar.cli`.

The file is read here, so that a wrong line is told before anything is sent, and sent as JSON lines in
parts, so that it may be of any length.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from sidecar.asking import asked
from sidecar.errors import DataError, UsageError
from sidecar.labels import parquet, reading
from sidecar.labels.label import Label
from sidecar.labels.reading import Names, Read

PART = 20_000
"""Labels sent at once: some 2 MB."""

FORMATS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
"""File name ending -> format."""

FILE = """\
labels: .csv, .jsonl, .json or .parquet with the columns id (the call's x-request-id) and label, and perhaps
row (the row's number in its call, from 0) and time (when it became known)"""


class Problem(msgspec.Struct, frozen=True):
    """A label that had no use."""

    id: str
    row: int
    outcome: str


class Taken(msgspec.Struct, frozen=True):
    """What the sidecar answers."""

    outcomes: dict[str, int]
    problems: tuple[Problem, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar labels`."""
    add = parser.add_argument
    add(
        "action",
        choices=("push",),
        metavar="push",
        help="push: tell a running sidecar what turned out to be true",
    )
    add("file", metavar="FILE", type=Path, help=FILE)
    add(
        "--admin",
        metavar="URL",
        default="http://127.0.0.1:9702",
        help="admin address of the running sidecar [default: %(default)s]",
    )
    for name in Names._fields:
        add(
            f"--{name}-column",
            metavar="NAME",
            default=name,
            help=f"column that is the {name} [default: {name}]",
        )


def run(arguments: argparse.Namespace) -> int:
    """Push, and say what became of it. Raises SidecarError when it cannot be done; else returns 0."""
    names = Names(*(getattr(arguments, f"{name}_column") for name in Names._fields))
    found = read(arguments.file, names)
    outcomes: Counter[str] = Counter()
    problems: list[Problem] = []
    for part in parts(found.labels):
        taken = asked(arguments.admin, "/api/v1/labels", Taken, part, "application/x-ndjson")
        outcomes.update(taken.outcomes)
        problems += taken.problems
    print("\n".join(sentences(found, outcomes, problems)))
    return 0


def read(file: Path, names: Names) -> Read:
    """The labels in a file. Raises DataError or UsageError, naming the file and the place."""
    form = FORMATS.get(file.suffix.lower())
    if form is None:
        raise UsageError(f"{file}: cannot tell the format; the name should end in {', '.join(FORMATS)}")
    try:
        content = file.read_bytes()
        return parquet.read(content, names) if form == "parquet" else reading.read(form, content, names)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from error
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def parts(labels: list[Label]) -> Iterator[bytes]:
    """The labels as bodies of JSON lines."""
    for start in range(0, len(labels), PART):
        lines = (msgspec.json.encode(_line(label)) for label in labels[start : start + PART])
        yield b"\n".join(lines)


def _line(label: Label) -> dict[str, Any]:
    line: dict[str, Any] = {"id": label.id, "row": label.row, "label": label.value}
    if label.time:
        line["time"] = datetime.fromtimestamp(label.time, UTC).isoformat()
    return line


MEANING = {
    "joined": "found the row that they are the truth of",
    "waiting": "wait for their call, which the sidecar hasn't heard of",
    "duplicate": "were known already",
    "contradictory": "contradict a label that was there first, which stays",
    "no-such-row": "name a row that their call doesn't have",
    "ambiguous": "have a request id that several different calls had",
    "late": "come after the join horizon",
    "not-sampled": "are of calls that there was no room to keep",
}
"""Outcome -> what became of those labels."""


def sentences(found: Read, outcomes: Counter[str], problems: list[Problem]) -> list[str]:
    """The outcome, for a person."""
    total = len(found.labels)
    lines = [f"Pushed {total:,} label{'s' if total != 1 else ''}."]
    lines += [f"  {outcomes[name]:>8,} {meaning}" for name, meaning in MEANING.items() if outcomes[name]]
    if found.empty:
        lines.append(f"  {found.empty:>8,} rows had no label yet and were left out")
    lines += [f"Note: {one.id} row {one.row}: {one.outcome}" for one in problems[:5]]
    return ["".join(char if char.isprintable() else "?" for char in line) for line in lines]
