"""`sidecar query`: arguments, and what is printed. Counterpart: `sidecar.cli`."""

from __future__ import annotations

import argparse

from sidecar.capture.query import FORMATS, ask

SQL = """\
a query in DuckDB's SQL over the view `calls`, whose columns docs/capture.md explains"""

AT = """\
directory or URL that was given as `capture`, or one Parquet file of it"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar query`."""
    parser.add_argument("sql", metavar="SQL", help=SQL)
    parser.add_argument("--at", metavar="PLACE", required=True, help=AT)
    parser.add_argument(
        "--format", choices=tuple(FORMATS), default="table", help="how to print it [default: %(default)s]"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the answer. Raises SidecarError when it can't be had; else returns 0."""
    print(FORMATS[arguments.format](ask(arguments.at, arguments.sql)), end="")
    return 0
