"""The overview in a terminal: an answer of `/api/v1/overview` -> lines. Pure functions.

Counterparts: `sidecar.report.top`, which asks and prints; the console's first page, which shows the same.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime

from sidecar.report.tables import Record, flow_name
from sidecar.report.units import STATES, number, seconds, share

COLOURS = {"fine": "32", "watch": "33", "alarm": "31;1", "down": "31;1", "waiting": "36", "off": "2"}
"""State -> its colour by ECMA-48; its sign and its word say the same without."""

NAME = 23
"""Characters of the column of names."""


def lines(found: Record, width: int, *, colours: bool) -> list[str]:
    """All of it, in lines of at most `width` characters as they are seen."""
    told = [f"sidecar {found['service']} before {found['upstream_url']}, {clock(found['now'])}", ""]
    told = [_printable(line[:width]) for line in told]
    told += [_state(found["state"], _printable(found["headline"])[: width - 2], colours), ""]
    for mode in found["modes"]:
        told += _mode(mode, width, colours)
    told += ["", *(_printable(line[:width]) for line in _traffic(found))]
    dropped = found["records_dropped"]
    told += ["", f"{number(found['calls'])} calls; {number(dropped)} of them were never heard of"]
    return told


def _mode(mode: Record, width: int, colours: bool) -> Iterator[str]:
    sign, word = STATES[mode["state"]]
    since = f"since {clock(mode['since'])}: " if mode["since"] else ""
    said = f"{since}{mode['evidence']}."
    if mode["state"] in ("alarm", "watch") and mode["next"]:
        said += f" {mode['next']}."
    room = max(20, width - NAME - 12)
    first, *others = textwrap.wrap(_printable(said), room) or [""]
    yield f"{_coloured(f'{sign} {word:<8}', mode['state'], colours)} {mode['title']:<{NAME}}{first}"
    for line in others:
        yield f"{'':<{NAME + 11}}{line}"


def _traffic(found: Record) -> Iterator[str]:
    if not found["traffic"]:
        yield "No call has come yet."
        return
    yield f"{'flow':<42}{'calls/min':>10}{'failed':>9}{'flagged':>9}{'median':>10}{'99 %':>10}{'added':>10}"
    for flow in found["traffic"]:
        rate = flow["calls_per_minute"]
        yield (
            f"{flow_name(flow)[:41]:<42}{number(None if rate is None else round(rate)):>10}"
            f"{share(flow['failed'] / max(1, flow['calls'])):>9}"
            f"{share(flow['flagged'] / max(1, flow['rows'])):>9}"
            f"{seconds(flow['duration_seconds']['p50']):>10}{seconds(flow['duration_seconds']['p99']):>10}"
            f"{seconds(flow['added_seconds']['p50']):>10}"
        )


def _state(state: str, words: str, colours: bool) -> str:
    return _coloured(f"{STATES[state][0]} {words}", state, colours)


def _coloured(words: str, state: str, colours: bool) -> str:
    return f"\x1b[{COLOURS[state]}m{words}\x1b[0m" if colours else words


def clock(value: str) -> str:
    """A time of the API in the viewer's zone: of today without the date."""
    at = datetime.fromisoformat(value).astimezone()
    return at.strftime("%H:%M:%S" if at.date() == datetime.now().astimezone().date() else "%Y-%m-%d %H:%M")


def _printable(line: str) -> str:
    """Names come from callers, who must not get to steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in line)
