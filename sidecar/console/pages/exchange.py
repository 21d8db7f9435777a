"""One call with all that is kept of it: its verdict and why, its rows, its headers, its trace. Pure
functions."""

from __future__ import annotations

from typing import Any

from sidecar.console.pages import marks
from sidecar.console.pages.marks import card, facts, link, moment, tag
from sidecar.console.pages.outliers import verdict_of
from sidecar.console.views import View
from sidecar.report.tables import Html, table
from sidecar.report.units import number, seconds, share, size

ROWS = 20
"""Rows of a call that are shown; the API has all."""

TOP = 5
"""Features that are marked as those that made the score."""


def parts(found: View, means: dict[str, float], trace_url: str) -> list[Html]:
    """What stands on the page. `means`: of the reference, by feature; `trace_url`: the setting."""
    source = f"/api/v1/exchanges/{marks.quoted(found['id'])}"
    return [
        tag("p", link("/outliers", "← Calls"), class_="back"),
        tag("div", _verdict(found, source), _call(found, trace_url, source), class_="pair"),
        card("rows", "Its features", _rows(found, means), means=_ROWS, source=source, live=False),
        card("headers", "Its headers", _headers(found), means=_HEADERS, source=source, live=False),
    ]


_ROWS = "As the model got them; those that made the score are marked, the reference's mean stands beside."
_HEADERS = "Credentials were taken out before anything was kept; bodies are not kept."


def _verdict(found: View, source: str) -> Html:
    flagged = found["flagged"]
    of_rows = f"row {flagged[0] + 1}" if len(flagged) == 1 else f"{len(flagged)} rows"
    words = [
        tag("p", verdict_of(found), f" ({of_rows} of {found['rows']})" if flagged else ""),
        facts(
            [
                ("Score", f"{number(found['score'])}: {share(found['p'])} of clean traffic looks this odd"),
                ("Answer", "not scored" if _none(found["output_p"]) else f"p = {number(found['output_p'])}"),
                ("Policy", f"{found['action']}, by rule {found['rule']}"),
                ("Model", f"{found['model'] or '–'} {found['version']}"),
            ]
        ),
        table(
            ("Detector", "#Raw", "#p", "Features that made it"),
            (
                [one["name"], one["raw"], number(one["p"]), ", ".join(one["top"])]
                for one in found["detectors"]
            ),
        ),
    ]
    return card("verdict", "What was thought of it", marks.html(words), source=source, live=False)


def _call(found: View, trace_url: str, source: str) -> Html:
    trace = found["trace_id"]
    where = trace_url.replace("{trace}", trace) if trace_url else f"/trace/{trace}"
    path = tag("code", f"{found['method']} {found['target']}")
    rows: list[tuple[Any, Any]] = [
        ("Request id", tag("code", found["id"])),
        ("When", moment(found["started"])),
        ("Request", path),
        ("Status", f"{found['status']} {found['failure']}".strip()),
        ("From", f"{found['client']} to {found['host']}"),
        ("Took", f"{seconds(found['duration_seconds'])}, of it scoring {seconds(found['scoring_seconds'])}"),
        ("Sizes", f"{size(found['request_bytes'])} in, {size(found['response_bytes'])} out"),
        ("Trace", link(where, tag("code", trace))),
    ]
    return card("call", "The call", facts(rows), source=source, live=False)


def _rows(found: View, means: dict[str, float]) -> Html:
    rows = found["features"]
    if not rows:
        return marks.empty("No rows", "The call was not laid out, or another baseline scored it.")
    top = [name for one in found["detectors"] for name in one["top"][:TOP]]
    flagged = set(found["flagged"])
    shown = sorted(range(len(rows)), key=lambda i: i not in flagged)[:ROWS]
    names = sorted(rows[0], key=lambda name: name not in top)
    head = ("Feature", "#Reference", *(f"#Row {i + 1}" for i in shown))
    body = (
        [
            tag("strong", "▲ ", name, class_="alarmed") if name in top else name,
            number(means.get(name)),
            *(_value(rows[i][name]) for i in shown),
        ]
        for name in names
    )
    more = f"{len(rows) - ROWS} rows more; the API has all." if len(rows) > ROWS else ""
    return marks.html((table(head, body), tag("p", more, class_="small") if more else ""))


def _value(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return "missing" if value != value else number(value)


def _none(value: float | None) -> bool:
    return value is None or value != value


def _headers(found: View) -> Html:
    sides = (("Asked", "request_headers"), ("Answered", "response_headers"))
    return tag(
        "div",
        *(tag("div", tag("h3", title), table(("Field", "Value"), found[of])) for title, of in sides),
        class_="pair",
    )
