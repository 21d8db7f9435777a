"""Tables and texts of pages, the report's and the console's. Pure functions; whatever they are given is
escaped here, once: what is HTML already says so by its type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

Record = dict[str, Any]


class Html(str):
    """Text that is HTML already, made of escaped parts."""

    __slots__ = ()


def text(value: Any) -> Html:
    """Any value as HTML text; HTML stays as it is."""
    if isinstance(value, Html):
        return value
    if value is None:
        return Html()
    if isinstance(value, float):
        return Html(escape(f"{value:.4g}"))
    return Html(escape(str(value)))


def share(value: float | None) -> str:
    """A share of one as text."""
    return "" if value is None else f"{value:.2%}"


def second(value: str | None) -> str:
    """A time of the API to the second."""
    return "" if value is None else value[:19].replace("T", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """A table of plain values or HTML; a heading with # in front has numbers. Empty without rows. The box
    around it can be scrolled by keys, where it's narrower than the table."""
    drawn = "".join(_row("td", [text(cell) for cell in row], head) for row in rows)
    if not drawn:
        return Html()
    names = _row('th scope="col"', [text(one.removeprefix("#")) for one in head], head)
    scroll = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
    return Html(f"{scroll}<table><thead>{names}</thead><tbody>{drawn}</tbody></table></div>")


def _row(tag: str, cells: Sequence[str], head: Sequence[str]) -> str:
    classes = (' class="number"' if one.startswith("#") else "" for one in head)
    end = tag.partition(" ")[0]
    drawn = "".join(f"<{tag}{kind}>{cell}</{end}>" for kind, cell in zip(classes, cells, strict=True))
    return f"<tr>{drawn}</tr>"


def flow_name(one: Record) -> str:
    """What a flow is called, for people."""
    version = f" version {one['version']}" if one["version"] else ""
    return f"{one['model'] or '(no model named)'}{version} at {one['route']}"


def same_flow(one: Record, other: Record) -> bool:
    """Whether two answers speak of one flow."""
    return all(one[name] == other[name] for name in ("model", "version", "route"))
