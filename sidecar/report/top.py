"""`sidecar top`: the overview of a running sidecar in a terminal, again and again. Counterpart:
`sidecar.cli`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from typing import Any

from sidecar.asking import asked
from sidecar.errors import SidecarError
from sidecar.report.terminal import lines

PATIENCE = 5.0
"""Seconds that one answer may take."""

AGAIN, REST = "\x1b[H\x1b[2J", "\x1b[0m"
"""To the first place with everything cleared; and back to plain text (ECMA-48)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar top`."""
    add = parser.add_argument
    add("--once", action="store_true", help="print it once; what a pipe gets anyway")
    add("--every", type=float, default=2.0, metavar="SECONDS", help="between two looks [default: 2]")
    add(
        "--admin",
        metavar="URL",
        default="http://127.0.0.1:9702",
        help="admin address of the running sidecar [default: %(default)s]",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show it until Ctrl-C, or once. Raises SidecarError when the first answer doesn't come."""
    screen = sys.stdout.isatty()
    print(shown(arguments.admin, colours=screen and "NO_COLOR" not in os.environ))
    if arguments.once or not screen:
        return 0
    try:
        while True:
            time.sleep(max(0.5, arguments.every))
            try:
                told = shown(arguments.admin, colours="NO_COLOR" not in os.environ)
            except SidecarError as error:
                told = f"{error}\nTrying again ..."
            print(f"{AGAIN}{told}", flush=True)
    except KeyboardInterrupt:
        print(REST)
        return 0


def shown(admin: str, *, colours: bool) -> str:
    """What there is to see now. Raises SidecarError."""
    found = asked(admin, "/api/v1/overview", dict[str, Any], patience=PATIENCE)
    return "\n".join(lines(found, max(60, shutil.get_terminal_size().columns), colours=colours))
