"""`sidecar cascade`: arguments, and what is said. Counterpart: `sidecar.cli`."""

from __future__ import annotations

import argparse
import json
import textwrap
from datetime import datetime
from pathlib import Path

import msgspec

from sidecar.cascade import Answer, answer
from sidecar.cascade.pairs import Finding
from sidecar.errors import SidecarError, UsageError
from sidecar.peers.addresses import Places, addresses
from sidecar.peers.gathering import gathered


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar cascade`."""
    add = parser.add_argument
    add("admin", nargs="*", metavar="URL", help="admin addresses of the sidecars, such as http://intent:9702")
    add("--file", type=Path, metavar="FILE", help="file of admin addresses, one a line")
    add(
        "--dns",
        default="",
        metavar="NAME[:PORT]",
        help="name whose every address is asked, such as that of a headless Kubernetes Service"
        " [default port: 9702]",
    )
    add("--prometheus", default="", metavar="URL", help="Prometheus whose targets with sidecar_up are asked")
    add(
        "--since",
        default="",
        metavar="TIME",
        help="what came before is compared with what came after, RFC 3339 [default: the older half of what"
        " was kept is compared with the latest]",
    )
    add("--json", action="store_true", help="print everything that was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Ask, decide, say. Raises SidecarError when nobody answers; else returns 0."""
    since = moment(arguments.since)
    where = addresses(Places(arguments.admin, arguments.file, arguments.dns, arguments.prometheus))
    found = gathered(where)
    if not found.witnesses:
        raise SidecarError("\n".join(found.missing))
    answered = answer(found.witnesses, since)
    if arguments.json:
        print(json.dumps({**msgspec.to_builtins(answered), "missing": found.missing}, indent=2))
    else:
        print("\n".join([*told(answered), *(f"Not heard: {line}" for line in found.missing)]))
    return 0


def moment(text: str) -> float:
    """A time on the command line as Unix seconds; 0 for none."""
    if not text:
        return 0.0
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--since {text}: is not a time such as 2026-01-31T12:00:00Z") from error
    if found.tzinfo is None:
        raise UsageError(f"--since {text}: say also in which zone, as in {text}Z")
    return found.timestamp()


def told(answered: Answer) -> list[str]:
    """The answer, for a person."""
    lines = textwrap.wrap(answered.sentence, 100)
    lines += [f"  - {line}" for line in answered.evidence]
    if answered.suffers:
        lines.append(f"Suffers from it: {', '.join(answered.suffers)}.")
    if answered.runner_up:
        lines.append(f"Next to be suspected: {answered.runner_up}")
    if answered.models:
        width = max(len(one.model) for one in answered.models)
        lines += ["", f"{'model':<{width}}  changed  strength      p  pairs  asked moved  answered moved"]
        lines += [_row(one, width) for one in answered.models]
    return [_printable(line) for line in lines]


def _row(one: Finding, width: int) -> str:
    changed = "yes" if one.changed else "no" if one.pairs or one.replayed else "?"
    return (
        f"{one.model:<{width}}  {changed:<7}  {one.strength:8.1f}  {one.p:5.3f}  {one.pairs:5}"
        f"  {'yes' if one.asked_moved else 'no':<11}  {'yes' if one.answered_moved else 'no'}"
    )


def _printable(line: str) -> str:
    """Names come from callers, who must not get to steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in line)
