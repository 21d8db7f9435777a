"""`sidecar outliers`: arguments, and what is said. Counterpart: `sidecar.cli`."""

from __future__ import annotations

import argparse
import re
import textwrap
from pathlib import Path

from sidecar.errors import UsageError
from sidecar.outliers import admin, files

ACTIONS = """\
list: search for cohorts among what was flagged, and show them. export: write the rows of one to a file"""

OUT = """\
file to write: .parquet, .csv, .jsonl or .npz, as `sidecar fit` reads them"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar outliers`."""
    add = parser.add_argument
    add("action", choices=("list", "export"), metavar="list|export", help=ACTIONS)
    add(
        "--admin",
        metavar="URL",
        default="http://127.0.0.1:9702",
        help="admin address of the running sidecar [default: %(default)s]",
    )
    add(
        "--cohort",
        metavar="N",
        help="number of the cohort to export, of several with commas, or `singles` for what is in none",
    )
    add("--out", "-o", metavar="FILE", type=Path, help=OUT)
    add(
        "--fields-only",
        action="store_true",
        help="leave out the columns that tell where a row came from: request id, row, time, p, model, cohort",
    )
    add("--force", action="store_true", help="replace the file that is there")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises SidecarError when it cannot be done; else returns 0."""
    if arguments.action == "list":
        print("\n".join(map(_printable, listed(admin.cohorts(arguments.admin, refresh=True)))))
        return 0
    if arguments.cohort is None or arguments.out is None:
        missing = "--cohort N" if arguments.cohort is None else "-o FILE"
        raise UsageError(f"export needs {missing}; `sidecar outliers list` shows the cohorts")
    if arguments.out.exists() and not arguments.force:
        raise UsageError(f"-o {arguments.out}: exists already; choose another file, or say --force")
    files.check(arguments.out)
    names = [name.strip() for name in arguments.cohort.split(",")]
    rows = admin.joined(arguments.admin, names)
    files.write(arguments.out, rows, origin=not arguments.fields_only)
    count = len(rows.rows)
    cohorts = f"cohort{'s' if len(names) > 1 else ''} {rows.id}"
    print(f"Wrote {count:,} row{'s' if count != 1 else ''} of {cohorts} to {arguments.out}.")
    return 0


def listed(found: admin.Cohorts) -> list[str]:
    """All cohorts, for a person."""
    lines = [f"Note: the last search failed: {found.failure}"] if found.failure else []
    if found.searched is None:
        return [*lines, f"No cohorts: {found.note}."]
    lines.append(
        f"{found.rows_flagged:,} of {found.rows_scored:,} rows were flagged since {_second(found.since)};"
        f" of clean rows about {found.rows_flagged_if_clean:,.0f} would have been."
    )
    for one in found.cohorts:
        lines += [
            "",
            f"cohort {one.id}: {one.rows:,.0f} rows, {one.share_of_flagged:.0%} of those flagged,"
            f" {one.share_of_scored:.2%} of all; {_second(one.first)} to {_second(one.last)}",
            *textwrap.wrap(one.description, 100, initial_indent="    ", subsequent_indent="    "),
        ]
        if one.examples:
            lines.append(f"    for example {', '.join(dict.fromkeys(e.id for e in one.examples[:3]))}")
    return [*lines, "", f"singles: {found.singles.rows_kept:,} rows that are like no others"]


def _printable(line: str) -> str:
    """Names come from callers, who must not get to steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in line)


def _second(time: str | None) -> str:
    """A time of the API to the second."""
    return re.sub(r"\.\d+Z$", "Z", time or "")
