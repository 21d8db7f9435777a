"""`sidecar report`: arguments, and the questions to the admin API. Counterpart: `sidecar.cli`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from sidecar.asking import asked
from sidecar.errors import SidecarError, UsageError
from sidecar.report.page import Answers, page
from sidecar.values import READERS

QUESTIONS = ("overview", "status", "verdict", "windows", "performance", "cohorts", "chain")
"""Paths under /api/v1 that are asked as they are; history is asked for its time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar report`."""
    add = parser.add_argument
    add("--since", metavar="TIME", default="24h", help="how far back, such as 90min or 24h [default: 24h]")
    add("--out", "-o", metavar="FILE", type=Path, default=Path("report.html"), help="[default: report.html]")
    add(
        "--admin",
        metavar="URL",
        default="http://127.0.0.1:9702",
        help="admin address of the running sidecar [default: %(default)s]",
    )
    add("--force", action="store_true", help="replace the file that is there")


def run(arguments: argparse.Namespace) -> int:
    """Ask and write. Raises SidecarError when it cannot be done; else returns 0."""
    seconds = _seconds(arguments.since)
    if arguments.out.exists() and not arguments.force:
        raise UsageError(f"-o {arguments.out}: exists already; choose another file, or say --force")
    found = gathered(arguments.admin, time.time() - seconds)
    text = page(found, arguments.admin, arguments.since)
    try:
        arguments.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SidecarError(f"-o {arguments.out}: cannot be written: {error.strerror or error}") from error
    print(f"Wrote {arguments.out} ({len(text.encode()) / 1024:,.0f} KiB): {found['status']['drift']}.")
    return 0


def gathered(admin: str, since: float) -> Answers:
    """What the sidecar at `admin` says, by question. Raises SidecarError."""
    found: Answers = {name: asked(admin, f"/api/v1/{name}", dict[str, Any]) for name in QUESTIONS}
    found["history"] = asked(admin, f"/api/v1/history?since={since:.3f}", dict[str, Any])
    return found


def _seconds(text: str) -> float:
    try:
        seconds = float(READERS["SECONDS"](text))
    except ValueError as error:
        raise UsageError(f"--since {text}: {error}; expected a length of time such as 90min or 24h") from None
    if seconds <= 0:
        raise UsageError(f"--since {text}: is no time; expected one such as 90min or 24h")
    return seconds
