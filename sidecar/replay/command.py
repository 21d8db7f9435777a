"""`sidecar replay`: arguments, and what is said. Counterpart: `sidecar.cli`."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from sidecar.capture.reading import calls
from sidecar.errors import SidecarError, UsageError
from sidecar.outliers import admin
from sidecar.replay.differences import Difference, Interval, differences
from sidecar.replay.pairs import COLUMNS
from sidecar.replay.sending import Outcome, replayed

SHOWN = 15
"""Groups that are printed; `--json` has them all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar replay`."""
    add = parser.add_argument
    add("capture", metavar="PLACE", help="what `capture` was set to, or a Parquet file of it")
    add(
        "--upstream",
        metavar="URL",
        required=True,
        help="the model to ask instead, such as http://candidate:8080",
    )
    add("--limit", metavar="N", type=int, default=2_000, help="calls to send at most [default: %(default)s]")
    add("--concurrency", metavar="N", type=int, default=4, help="calls at a time [default: %(default)s]")
    add("--timeout", metavar="SECONDS", type=float, default=30.0, help="for each call [default: %(default)s]")
    add(
        "--tolerance",
        metavar="SHARE",
        type=float,
        default=1e-6,
        help="numbers that differ by less than this of their size are equal [default: %(default)s]",
    )
    add(
        "--admin",
        metavar="URL",
        default="",
        help="admin address of a running sidecar, whose cohorts of flagged rows become groups, too",
    )
    add("--json", action="store_true", help="print everything that was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Replay and say what differs. Raises SidecarError when it cannot be done; else returns 0."""
    _check(arguments)
    cohorts = _cohorts(arguments.admin) if arguments.admin else {}
    captured = calls(arguments.capture, COLUMNS)
    work = replayed(captured, arguments.upstream, arguments.limit, arguments.concurrency, arguments.timeout)
    found = asyncio.run(work)
    if not found.pairs:
        raise SidecarError(f"nothing to compare: {_counted(found.left_out + found.failed) or 'no calls'}")
    told = differences(found.pairs, arguments.tolerance, cohorts)
    if arguments.json:
        summary = {"compared": len(found.pairs), "left_out": found.left_out, "failed": found.failed}
        facts = [{**msgspec.to_builtins(one), "sure": one.is_sure} for one in told]
        print(msgspec.json.encode({**summary, "differences": facts}).decode())
    else:
        print("\n".join(sentences(found, told, arguments.tolerance)))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    parts = urlsplit(arguments.upstream)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--upstream {arguments.upstream}: is not a URL such as http://candidate:8080")
    for name in ("limit", "concurrency", "timeout"):
        if getattr(arguments, name) <= 0:
            raise UsageError(f"--{name} {getattr(arguments, name)}: must be more than 0")


def _cohorts(address: str) -> dict[str, set[tuple[str, int]]]:
    """Name -> request ids and rows of every cohort of a running sidecar."""
    found = {}
    for one in admin.cohorts(address, refresh=False).cohorts:
        members = admin.rows(address, str(one.id)).rows
        found[f"cohort {one.id}: {one.description}"] = {(row.id, row.row) for row in members}
    return found


def sentences(found: Outcome, told: Sequence[Difference], tolerance: float) -> list[str]:
    """What was found, for a person."""
    lines = [f"Compared {len(found.pairs):,} calls."]
    if found.left_out:
        lines.append(f"Not asked again: {_counted(found.left_out)}.")
    if found.failed:
        lines.append(f"The candidate failed: {_counted(found.failed)}.")
    lines += [f"{one.output}, all {one.rows:,} rows: {_line(one)}." for one in told if one.group == "all"]
    if not any(one.differing.value for one in told):
        lines.append(f"No answer differs (by more than {tolerance:g} of its size, where it is a number).")
        return list(map(_printable, lines))
    sure = [one for one in told if one.group != "all" and one.is_sure]
    intervals = sum(1 if one.mean is None else 2 for one in told)
    lines += ["", f"Where most, of {intervals:,} intervals that hold all together with 95 %:"]
    lines += [f"  {one.output} where {one.group} ({one.rows:,} rows): {_line(one)}" for one in sure[:SHOWN]]
    if not sure:
        lines.append("  nowhere more than chance would have it")
    return list(map(_printable, lines))


def _line(one: Difference) -> str:
    differing = f"{one.differing.value:.2%} differ ({one.differing.low:.2%} to {one.differing.high:.2%})"
    if one.mean is None:
        return differing
    return f"{differing}; mean {one.before:.4g} -> {one.now:.4g}, difference {_signed(one.mean)}"


def _signed(one: Interval) -> str:
    return f"{one.value:+.4g} ({one.low:+.4g} to {one.high:+.4g})"


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{count:,} because {why}" for why, count in reasons.most_common())


def _printable(line: str) -> str:
    """Names come from callers, who must not get to steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in line)
