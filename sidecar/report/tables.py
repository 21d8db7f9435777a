"""Tables and texts of the report. Pure functions; whatever they are given is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

Record = dict[str, Any]


def text(value: Any) -> str:
    """Any value as HTML text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return escape(f"{value:.4g}")
    return escape(str(value))


def share(value: float | None) -> str:
    """A share of one as text."""
    return "" if value is None else f"{value:.2%}"


def second(value: str | None) -> str:
    """A time of the API to the second."""
    return "" if value is None else value[:19].replace("T", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of plain values; a heading with # in front has numbers. Empty without rows."""
    drawn = "".join(_row("td", [text(cell) for cell in row], head) for row in rows)
    if not drawn:
        return ""
    names = _row("th", [text(one.removeprefix("#")) for one in head], head)
    return f'<div class="scroll"><table>{names}{drawn}</table></div>'


def _row(tag: str, cells: Sequence[str], head: Sequence[str]) -> str:
    classes = (' class="number"' if one.startswith("#") else "" for one in head)
    drawn = "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(classes, cells, strict=True))
    return f"<tr>{drawn}</tr>"


def flow_name(one: Record) -> str:
    """What a flow is called, for people."""
    version = f" version {one['version']}" if one["version"] else ""
    return f"{one['model'] or '(no model named)'}{version} at {one['route']}"


def same_flow(one: Record, other: Record) -> bool:
    """Whether two answers speak of one flow."""
    return all(one[name] == other[name] for name in ("model", "version", "route"))
