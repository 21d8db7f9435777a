"""Plots as inline SVG: small, without a script, readable in black and white. Pure functions.

Texts come escaped from here. Colours and line styles stand in the page's style sheet (`sidecar.report.page`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT = 720, 170
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 10, 22

SMALL_WIDTH, SMALL_HEIGHT = 220, 90


class Line(NamedTuple):
    """One line: its name (and class), and points (Unix seconds, value), None where there's none."""

    name: str
    points: Sequence[tuple[float, float | None]]


class Stretch(NamedTuple):
    """Part of a time line: from when to when, its class, and what is written to it."""

    begin: float
    end: float
    kind: str
    words: str


def lines(drawn: Sequence[Line], levels: Sequence[float] = ()) -> str:
    """Lines over time, with a dashed level for each of `levels`; empty without two points."""
    times = [at for line in drawn for at, value in line.points if value is not None]
    values = [value for line in drawn for _, value in line.points if value is not None]
    if len(set(times)) < 2:
        return ""
    low, high = min(0.0, *values, *levels), max(*values, *levels, 1e-9)
    begin, end = min(times), max(times)

    def x(at: float) -> float:
        return LEFT + (at - begin) / (end - begin) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)

    parts = [_grid(low, high, begin, end)]
    parts += [f'<path class="level" d="M{LEFT} {y(one):.1f}H{WIDTH - RIGHT}"></path>' for one in levels]
    for line in drawn:
        path = "".join(_path(line.points, x, y))
        if path:
            parts.append(f'<path class="{escape(line.name)}" d="{path}"></path>')
    return _svg(WIDTH, HEIGHT, "over time: " + ", ".join(line.name for line in drawn), parts)


def _path(points: Iterable[tuple[float, float | None]], x: object, y: object) -> Iterable[str]:
    assert callable(x)
    assert callable(y)
    pen = "M"
    for at, value in points:
        if value is None:
            pen = "M"
            continue
        yield f"{pen}{x(at):.1f} {y(value):.1f}"
        pen = "L"


def _grid(low: float, high: float, begin: float, end: float) -> str:
    floor = HEIGHT - BOTTOM
    return "".join(
        (
            f'<path class="axis" d="M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}"></path>',
            _text(LEFT - 6, TOP + 10, f"{high:.4g}", "end"),
            _text(LEFT - 6, floor, f"{low:.4g}", "end"),
            _text(LEFT, HEIGHT - 6, moment(begin), "start"),
            _text(WIDTH - RIGHT, HEIGHT - 6, moment(end), "end"),
        )
    )


def timeline(stretches: Sequence[Stretch]) -> str:
    """What was so from when to when, as a bar."""
    if not stretches:
        return ""
    begin, end = stretches[0].begin, max(stretches[-1].end, stretches[0].begin + 1e-3)
    across = (WIDTH - 2) / (end - begin)
    parts = []
    for one in stretches:
        left, width = 1 + (one.begin - begin) * across, max(1.5, (one.end - one.begin) * across)
        title = escape(f"{one.words}, {moment(one.begin)} to {moment(one.end)}")
        parts.append(
            f'<rect class="{escape(one.kind)}" x="{left:.1f}" y="2" width="{width:.1f}" height="22">'
            f"<title>{title}</title></rect>"
        )
    parts += [_text(2, 40, moment(begin), "start"), _text(WIDTH - 2, 40, moment(end), "end")]
    return _svg(WIDTH, 46, "verdicts over time", parts)


def bars(reference: Sequence[float], window: Sequence[float], name: str) -> str:
    """Shares by bin: the window's as bars, the reference's as a step line over them."""
    most = max((*reference, *window), default=0.0)
    if not most:
        return ""
    step = SMALL_WIDTH / len(window)

    def y(share: float) -> float:
        return SMALL_HEIGHT - share / most * (SMALL_HEIGHT - 4)

    parts = [
        f'<rect class="window" x="{i * step:.1f}" y="{y(share):.1f}" width="{step:.1f}"'
        f' height="{SMALL_HEIGHT - y(share):.1f}"></rect>'
        for i, share in enumerate(window)
        if share
    ]
    path = "".join(
        f"{'M' if not i else 'L'}{i * step:.1f} {y(share):.1f}H{(i + 1) * step:.1f}"
        for i, share in enumerate(reference)
    )
    parts.append(f'<path class="reference" d="{path}"></path>')
    return _svg(SMALL_WIDTH, SMALL_HEIGHT, f"{name}: window and reference", parts)


def rates(points: Sequence[tuple[float, float]]) -> list[tuple[float, float | None]]:
    """Running totals -> what came a minute between two points; none where a total began anew."""
    return [
        (at, (now - before) / (at - start) * 60.0 if now >= before and at > start else None)
        for (start, before), (at, now) in pairwise(points)
    ]


def moment(seconds: float) -> str:
    """Unix seconds for a person, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(width: int, height: int, label: str, parts: Iterable[str]) -> str:
    kind = "small" if width == SMALL_WIDTH else "wide"
    head = f'<svg class="plot {kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}"'
    return f"{head}>{''.join(parts)}</svg>"
