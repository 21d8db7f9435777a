"""The first page: is the model healthy, and if not, how does it fail. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sidecar.console.pages import marks
from sidecar.console.pages.flows import chooser, chosen
from sidecar.console.pages.marks import card, chart, link, moment, state, tag
from sidecar.console.views import View
from sidecar.report.plots import Line, rates
from sidecar.report.tables import Html, table, text
from sidecar.report.units import number, seconds, share

SOURCE = "/api/v1/overview"

MEANS = "Six ways, each looked for in every call. Of drift at most one window in 10,000 raises a false alarm."


def parts(overview: View, courses: list[View], wanted: View) -> list[Html]:
    """What stands on it. `courses`: of `/api/v1/history`; `wanted`: the flow that was chosen."""
    return [
        card(
            "modes",
            "How models fail in production",
            _modes(overview),
            means=MEANS,
            source=SOURCE,
        ),
        _traffic(overview, courses, wanted),
    ]


def _modes(overview: View) -> Html:
    return tag("ol", *(_mode(one) for one in overview["modes"]), class_="modes")


def _mode(one: View) -> Html:
    follow = link(one["page"], one["next"] or "Look closer", class_="next")
    since = marks.html(("since ", moment(one["since"]))) if one["since"] else ""
    return tag(
        "li",
        state(one["state"]),
        tag("div", tag("h3", one["title"]), tag("p", one["evidence"]), class_="what"),
        tag("div", follow, tag("p", since, class_="since"), class_="then"),
        class_=f"mode {one['state']}",
        id=f"mode-{one['name']}",
    )


def _traffic(overview: View, courses: list[View], wanted: View) -> Html:
    flows = overview["traffic"]
    if not flows:
        nothing = marks.empty(
            "No call has come yet", "Send one through the sidecar; it shows within seconds."
        )
        return card("traffic", "Traffic", nothing, source=SOURCE)
    flow = chosen(flows, wanted) or max(flows, key=lambda one: one["calls"])
    course = chosen(courses, flow)
    body = marks.html((chooser("/", flows, flow), _stats(flow), _charts(course), _table(flows)))
    words = "What the model was asked, and what the sidecar put on top of its own time."
    return card("traffic", "Traffic", body, means=words, source=SOURCE)


def _stats(flow: View) -> Html:
    rate, failed = flow["calls_per_minute"], flow["failed"] / max(1, flow["calls"])
    latency, added = flow["duration_seconds"], flow["added_seconds"]
    return tag(
        "div",
        marks.figure_number(number(None if rate is None else round(rate)), "calls a minute now"),
        marks.figure_number(
            seconds(latency["p50"]), f"median latency; 99 % within {seconds(latency['p99'])}"
        ),
        marks.figure_number(
            seconds(added["p50"]), f"of it added by the sidecar; 99 % {seconds(added['p99'])}"
        ),
        marks.figure_number(share(failed), f"failed: {flow['failed']:,} of {flow['calls']:,} calls"),
        class_="stats",
    )


def _charts(course: View | None) -> Html:
    points = course["points"] if course is not None else []
    times = [unix(point["time"]) for point in points]

    def rate(name: str) -> list[tuple[float, float | None]]:
        return rates([(at, float(point[name])) for at, point in zip(times, points, strict=True)])

    def latency(place: int) -> list[tuple[float, float | None]]:
        return [
            (at, point["latency"][place] if point["latency"] else None)
            for at, point in zip(times, points, strict=True)
        ]

    calls = [Line("calls", rate("calls")), Line("flagged", rate("flagged")), Line("failed", rate("failed"))]
    delays = [Line("median", latency(0)), Line("added", latency(2)), Line("p99", latency(1))]
    return tag(
        "div",
        chart("chart-calls", "Calls, flagged rows and failed calls a minute", calls),
        chart("chart-latency", "Latency in the window: median, 99th percentile, added", delays, unit="s"),
        class_="charts",
    )


def _table(flows: list[View]) -> Html:
    head = (
        "Model",
        "Version",
        "Route",
        "#Calls",
        "#Failed",
        "#Rows",
        "#Flagged",
        "#Median",
        "#99 %",
        "#Added",
    )
    return table(head, ([*_names(flow), *_numbers(flow)] for flow in flows))


def _names(flow: View) -> list[Any]:
    return [flow["model"] or "–", flow["version"] or "–", tag("code", flow["route"])]


def _numbers(flow: View) -> list[Any]:
    return [
        *(number(flow[name]) for name in ("calls", "failed", "rows", "flagged")),
        seconds(flow["duration_seconds"]["p50"]),
        seconds(flow["duration_seconds"]["p99"]),
        text(seconds(flow["added_seconds"]["p50"])),
    ]


def unix(value: str) -> float:
    """A time of the API in Unix seconds."""
    return datetime.fromisoformat(value).timestamp()
