"""The pieces of every page. Pure functions; what they are given is escaped by `sidecar.report.tables.text`.

Whatever is shown comes with what it means and with the API call that gives it: `card` asks for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

import msgspec

from sidecar.report import plots
from sidecar.report.plots import Line
from sidecar.report.tables import Html, text
from sidecar.report.units import STATES


def html(parts: Iterable[object]) -> Html:
    """Parts one after the other, escaped where they aren't HTML."""
    return Html("".join(map(text, parts)))


def tag(name: str, *inside: object, **attributes: object) -> Html:
    """An element. `class_` is `class`, other underscores are hyphens; None leaves an attribute out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{html(inside)}</{name}>")


def link(href: str, *inside: object, **attributes: object) -> Html:
    """A link within the console."""
    return tag("a", *inside, href=href, **attributes)


def query(path: str, **parameters: object) -> str:
    """A path with parameters; empty ones are left out."""
    given = {name: value for name, value in parameters.items() if value not in ("", None)}
    return f"{path}?{urlencode(given)}" if given else path


def quoted(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def state(name: str, words: str = "") -> Html:
    """A state as sign and word."""
    sign, word = STATES[name]
    return tag("span", tag("span", sign, aria_hidden="true"), " ", words or word, class_=f"state {name}")


def verdict(name: str) -> Html:
    """A flow's verdict."""
    return state("fine" if name == "stable" else "waiting" if name == "unknown" else "alarm", name)


def moment(value: str | None, otherwise: str = "") -> Html:
    """A time of the API: in UTC, until the script shows it in the viewer's zone."""
    if value is None:
        return text(otherwise)
    return tag("time", f"{value[:19].replace('T', ' ')} UTC", datetime=value)


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


def dated(sentence: str) -> Html:
    """A sentence of the API, whose times show as any other."""
    return html(moment(part) if _MOMENT.fullmatch(part) else part for part in _MOMENT.split(sentence))


def api(path: str) -> Html:
    """The API call that gives what is shown."""
    short = f"{path.partition('?')[0]}{'?…' if '?' in path else ''}"
    return link(path, "GET ", short, class_="api", title=f"The same as data: {path}")


def card(
    id_: str, title: str, body: object, *, means: object = "", source: str = "", live: bool = True
) -> Html:
    """One part of a page: a title, what it means, the thing itself, and where it comes from. `live` parts are
    swapped when they change."""
    head = tag("header", tag("h2", title, id=f"{id_}-title"), api(source) if source else "")
    words = tag("p", means, class_="means") if means else ""
    return tag(
        "section",
        head,
        words,
        body,
        id=id_,
        class_="card",
        aria_labelledby=f"{id_}-title",
        data_live="" if live else None,
    )


def empty(title: str, words: object) -> Html:
    """Where there is nothing to see yet: why, and what would change that. `words` may be a reason of the API,
    which begins small."""
    said = html((words,))
    return tag(
        "div", tag("p", tag("strong", title)), tag("p", Html(said[:1].upper() + said[1:])), class_="empty"
    )


def facts(rows: Iterable[tuple[object, object]]) -> Html:
    """Names and values below each other."""
    return tag("dl", *(html((tag("dt", name), tag("dd", value))) for name, value in rows), class_="facts")


def figure_number(value: object, means: object) -> Html:
    """A large number and what it means."""
    return tag("div", tag("span", value, class_="big"), tag("span", means, class_="small"), class_="stat")


def chart(
    id_: str,
    title: str,
    lines: Sequence[Line],
    *,
    unit: str = "",
    levels: Sequence[float] = (),
    stretch: tuple[float, float] | None = None,
    from_zero: bool = True,
) -> Html:
    """Lines over time: an SVG, and the numbers behind it for the script, which draws one to point at. All
    lines have the same times. `stretch`: a length of time to be shaded, such as an onset's interval;
    `from_zero`: whether nothing is to be seen, too."""
    drawn = plots.lines(lines, levels)
    if not drawn:
        return tag("p", f"{title}: comes with the next calls.", class_="soon")
    data = {
        "unit": unit,
        "levels": levels,
        "stretch": stretch,
        "zero": from_zero,
        "names": [line.name for line in lines],
        "points": [
            [round(at, 1) for at, _ in lines[0].points],
            *([None if v is None else float(f"{v:.4g}") for _, v in line.points] for line in lines),
        ],
    }
    caption = tag("figcaption", title)
    told = msgspec.json.encode(data).decode()
    return tag("figure", caption, Html(drawn), id=id_, class_="chart", data_chart=told)
