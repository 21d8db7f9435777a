"""The graph of models, onsets on one line of time, and the waterfall of a trace, as SVG. Pure functions.

Colours and line styles stand in the style sheet; names are escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sidecar.console.views import View
from sidecar.report.tables import Html
from sidecar.report.units import number, seconds

WIDE, HIGH, GAP_X, GAP_Y, MARGIN = 150, 48, 90, 26, 10
"""Of a model's box, and what is between two, in pixels."""

NAME = 20
"""Characters of a name that fit into its box."""

LABELS, LABEL, LINE, ROW = 220, 28, 660, 30
"""Of names beside a line of time: pixels, and characters that fit there; pixels of that line, and of one row
of it."""


def graph(service: str, edges: Sequence[View], answer: View | None) -> Html:
    """Boxes and arrows, from left to right as calls go."""
    known = [(one["source"], one["target"]) for one in edges]
    known += [(one["source"], one["target"]) for one in (answer or {"edges": ()})["edges"]]
    names = list(dict.fromkeys([name for edge in known for name in edge] + [service]))
    names += [one["model"] for one in (answer or {"models": ()})["models"] if one["model"] not in names]
    places = _places(names, set(known))
    counts = {(one["source"], one["target"]): one for one in edges}
    arrows = "".join(_arrow(places[a], places[b], counts.get((a, b))) for a, b in dict.fromkeys(known))
    boxes = "".join(_box(name, places[name], _kinds(name, service, answer)) for name in names)
    width = max(x for x, _ in places.values()) + WIDE + MARGIN
    height = max(y for _, y in places.values()) + HIGH + MARGIN
    head = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path class="head" d="M0 0L8 4L0 8z"></path></marker></defs>'
    )
    return _svg(width, height, "who feeds whom", head + arrows + boxes)


def _places(names: Sequence[str], edges: set[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Where each box is."""
    column = _columns(names, edges)
    places, rows = {}, dict.fromkeys(range(len(names)), 0)
    for name in names:
        x, y = column[name], rows[column[name]]
        rows[x] += 1
        places[name] = (MARGIN + x * (WIDE + GAP_X), MARGIN + y * (HIGH + GAP_Y))
    return places


def _columns(names: Sequence[str], edges: set[tuple[str, str]]) -> dict[str, int]:
    """For each model how many are before it."""
    column = dict.fromkeys(names, 0)
    for _ in names:  # more often only in a circle, which ends here
        for a, b in edges:
            if a != b:
                column[b] = min(max(column[b], column[a] + 1), len(names) - 1)
    return column


def ordered(answer: View) -> list[View]:
    """The models of an answer in the order in which calls go."""
    edges = {(one["source"], one["target"]) for one in answer["edges"]}
    names = [one["model"] for one in answer["models"]]
    column = _columns(list(dict.fromkeys([*names, *(name for edge in edges for name in edge)])), edges)
    return sorted(answer["models"], key=lambda one: column[one["model"]])


def _fitting(words: str, most: int) -> str:
    """Words in so many characters, escaped."""
    return escape(words if len(words) <= most else f"{words[: most - 1]}…")


def _kinds(name: str, service: str, answer: View | None) -> str:
    kinds = ["box", *(["ours"] if name == service else [])]
    if answer is not None:
        origin = answer["origin"]
        kinds += ["origin"] if name in (origin, *origin.split(" -> ")) else []
        kinds += ["suffers"] if name in answer["suffers"] else []
    return " ".join(kinds)


def _box(name: str, place: tuple[int, int], kinds: str) -> str:
    x, y = place
    said = "origin of the change" if "origin" in kinds else "suffers from it" if "suffers" in kinds else ""
    said = said or ("this model" if "ours" in kinds else "")
    middle = f'text-anchor="middle" x="{x + WIDE // 2}"'
    return (
        f'<g class="{kinds}"><rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="8"></rect>'
        f'<text class="who" {middle} y="{y + (21 if said else 29)}">{_fitting(name, NAME)}</text>'
        f'<text {middle} y="{y + 37}">{said}</text></g>'
    )


def _arrow(source: tuple[int, int], target: tuple[int, int], counts: View | None) -> str:
    x1, y1, x2, y2 = source[0] + WIDE, source[1] + HIGH // 2, target[0], target[1] + HIGH // 2
    if x2 < x1:  # back, in a circle of models
        x1, x2 = source[0], target[0] + WIDE
    words = f"{counts['calls']:,} calls" if counts is not None else ""
    return (
        f'<path class="arrow" marker-end="url(#head)" d="M{x1} {y1}L{x2 - 1} {y2}"></path>'
        f'<text text-anchor="middle" x="{(x1 + x2) // 2}" y="{(y1 + y2) // 2 - 6}">{words}</text>'
    )


def onsets(answer: View) -> Html:
    """For each model when it changed: a bar for the interval, a mark where it is likeliest."""
    begin, end = stretch(answer)
    if not end:
        return Html()
    end = max(end, begin + 1.0)
    room = 0.08 * (end - begin)

    def x(at: float) -> float:
        return float(LABELS + (at - begin + room) / (end - begin + 2 * room) * LINE)

    parts = []
    models = ordered(answer)
    for place, one in enumerate(models):
        y = 6 + place * ROW
        kind = "origin" if one["model"] == answer["origin"] else "other"
        parts.append(f'<text class="who" x="0" y="{y + 14}">{_fitting(one["model"], LABEL)}</text>')
        parts.append(f'<path class="axis" d="M{LABELS} {y + 10}h{LINE}"></path>')
        if onset := one["onset"]:
            left, right = x(onset["earliest"]), x(onset["latest"])
            parts.append(
                f'<rect class="onset {kind}" x="{left:.0f}" y="{y}" width="{max(4, right - left):.0f}"'
                f' height="20" rx="4"></rect>'
                f'<path class="mark" d="M{x(onset["likeliest"]):.0f} {y - 2}v24"></path>'
            )
    return _svg(LABELS + LINE, 6 + len(models) * ROW, "when each model changed", "".join(parts))


def stretch(answer: View) -> tuple[float, float]:
    """From the earliest to the latest moment at which a model may have changed, in Unix seconds; 0 where none
    did."""
    onsets = [one["onset"] for one in answer["models"] if one["onset"]]
    earliest, latest = (one["earliest"] for one in onsets), (one["latest"] for one in onsets)
    return min(earliest, default=0.0), max(latest, default=0.0)


def waterfall(spans: Sequence[View]) -> Html:
    """The calls of a trace below each other, as long as they took."""
    begin = min(one["start"] for one in spans)
    whole = max(one["start"] + one["seconds"] for one in spans) - begin or 1e-9
    parts = []
    for place, one in enumerate(spans):
        y = 6 + place * ROW
        left = LABELS + (one["start"] - begin) / whole * (LINE - 90)
        width = max(2.0, one["seconds"] / whole * (LINE - 90))
        kind = "model" if one["name"] == "the model" else "served"
        odd = " odd" if one["verdict"] in ("outlier", "adversarial") or one["status"] >= 500 else ""
        words = f"{one['service']}: {one['name']}"
        label = f"{_fitting(words, LABEL)}<title>{escape(words)}</title>"
        parts.append(
            f'<text class="who" x="0" y="{y + 14}">{label}</text>'
            f'<rect class="span {kind}{odd}" x="{left:.1f}" y="{y}" width="{width:.1f}" height="20"></rect>'
            f'<text x="{left + width + 6:.0f}" y="{y + 14}">{seconds(one["seconds"])}</text>'
        )
    return _svg(LABELS + LINE, 6 + len(spans) * ROW, f"{number(len(spans))} spans", "".join(parts))


def _svg(width: int, height: int, label: str, content: str) -> Html:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Html(f'<svg {size} role="img" aria-label="{escape(label)}">{content}</svg>')
