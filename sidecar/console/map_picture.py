"""The map of `/api/v1/map` as a picture: one SVG path for each kind of row, a point for each row.

A point is a line of no length with round ends: a few bytes, so that a thousand are no burden to a page
that is drawn anew every five seconds. Colours stand in the style sheet; nothing here comes from a caller.
"""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.console.views import View

WIDTH, HEIGHT, MARGIN = 720, 400, 12

COLOURS = 6
"""Cohorts with a colour of their own; the seventh has the first one's again."""

Point = Sequence[float]


def svg(chart: View) -> str:
    """The picture; empty when there is no map yet."""
    layers = _layers(chart)
    points = [point for _, layer in layers for point in layer]
    if not points:
        return ""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    (left, across), (low, up) = _scale(xs, WIDTH), _scale(ys, HEIGHT)

    def dots(layer: Sequence[Point]) -> str:
        return "".join(
            f"M{MARGIN + (x - left) * across:.0f} {HEIGHT - MARGIN - (y - low) * up:.0f}h0" for x, y in layer
        )

    paths = "".join(f'<path class="{kind}" d="{dots(layer)}"></path>' for kind, layer in layers if layer)
    # For the script, which finds the row that somebody points at.
    scale = f'data-x0="{left:.9g}" data-y0="{low:.9g}" data-sx="{across:.9g}" data-sy="{up:.9g}"'
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" data-margin="{MARGIN}" {scale}'
    return f'<svg {view} role="img" aria-label="Map of rows">{paths}</svg>'


def colour(cohort: int) -> str:
    """The class that a cohort's colour has in the style sheet."""
    return f"cohort{(cohort - 1) % COLOURS + 1}"


def _layers(chart: View) -> list[tuple[str, list[Point]]]:
    """Kinds of rows and their points, from the back to the front."""
    flagged: dict[str, list[Point]] = {}
    for one in chart["flagged"]:
        kind = "single" if one["cohort"] is None else colour(one["cohort"])
        flagged.setdefault(kind, []).append(one["at"])
    return [
        ("reference", list(chart["reference"])),
        ("clean", [one["at"] for one in chart["clean"]]),
        *sorted(flagged.items(), reverse=True),
    ]


def _scale(values: Sequence[float], pixels: int) -> tuple[float, float]:
    """The least coordinate, and pixels for one unit: all of them lie within the margins."""
    low = min(values)
    return low, (pixels - 2 * MARGIN) / ((max(values) - low) or 1.0)
