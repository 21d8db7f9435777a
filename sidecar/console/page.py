"""The page at `/`: is it healthy, is it odd, has it moved. Plain HTML, drawn anew every five seconds.

Everything shown may come from a caller (names, paths, categories), so all text goes through `text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sidecar.console import (
    chain_view,
    cohort_view,
    exchange_view,
    map_picture,
    verdict_view,
    views,
    windows_view,
)
from sidecar.console.views import View
from sidecar.observer.observer import Observer

STYLE = Path(__file__).parent / "static" / "style.css"

FEATURES_SHOWN = 12
MAP_ROWS = 400
EXCHANGES_SHOWN = 12

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>sidecar</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<link rel="stylesheet" href="/style.css"></head><body>
<h1>sidecar before <code>{upstream}</code></h1>
{parts}
<footer>The same as data: <a href="/api/v1/status">status</a> · <a href="/api/v1/windows">windows</a> ·
<a href="/api/v1/drift">drift</a> · <a href="/api/v1/verdict">verdict</a> ·
<a href="/api/v1/history">history</a> · <a href="/api/v1/performance">performance</a> ·
<a href="/api/v1/cohorts">cohorts</a> · <a href="/api/v1/exchanges">exchanges</a> ·
<a href="/api/v1/chain">chain</a> · <a href="/api/v1/policies">policies</a> ·
<a href="/metrics">metrics</a> · <a href="/readyz">readiness</a></footer></body></html>
"""


def render(observer: Observer) -> str:
    """The page for the state as it is now."""
    status = views.status(observer)
    flows = windows_view.windows(observer)["windows"]
    latest = exchange_view.exchanges(observer, EXCHANGES_SHOWN)["exchanges"]
    odd = exchange_view.exchanges(observer, EXCHANGES_SHOWN, "outlier")["exchanges"]
    parts = [
        _state(status),
        _flows(flows),
        _verdicts(verdict_view.verdicts(observer)["flows"]),
        _drift(views.drift(observer)["flows"]),
        _chain(chain_view.graph(observer)),
        _cohorts(cohort_view.cohorts(observer)),
        _map(cohort_view.chart(observer, MAP_ROWS)),
        _exchanges("Latest outliers", odd),
        _exchanges("Latest calls", latest),
    ]
    return _PAGE.format(upstream=text(status["upstream_url"]), parts="\n".join(filter(None, parts)))


def text(value: Any) -> str:
    """Any value as HTML text."""
    if isinstance(value, float):
        return escape(f"{value:.4g}")
    return escape("" if value is None else str(value))


def _state(status: View) -> str:
    health = status["health"]
    ready = not health["reasons"]
    facts = {
        "Ready": (ready, "yes" if ready else "; ".join(health["reasons"])),
        "Model": (health["upstream"] != "down", health["upstream"]),
        "Baseline": (not status["baseline"]["error"], _baseline(status)),
        "Drift": (status["drift"] in ("stable", "unknown"), status["drift"]),
        "Calls": (True, f"{status['calls']} ended, {sum(status['failed'].values())} of them failed"),
        "Lost": (status["records_dropped"] == 0, f"{status['records_dropped']} records dropped"),
    }
    rows = ((name, _marked(*fact)) for name, fact in facts.items())
    return _table("State", ("", ""), ([text(name), fact] for name, fact in rows))


def _marked(good: bool, words: str) -> str:
    return f'<span class="{"good" if good else "bad"}">{text(words)}</span>'


def _baseline(status: View) -> str:
    learning, baseline = status["learning"], status["baseline"]
    if baseline["error"]:
        return str(baseline["error"])
    if baseline["digest"]:
        return f"{baseline['digest']} ({baseline['directory']})"
    progress = f"learning, {learning['rows_seen']} of {learning['rows_needed']} rows"
    return f"{progress}; the last try failed: {learning['failure']}" if learning["failure"] else progress


def _flows(flows: Sequence[View]) -> str:
    head = ("Model", "Version", "Route", "#Calls", "#Rows", "#Flagged", "#p50 s", "#p99 s", "#added p50 s")
    return _table("Traffic", head, (_flow(flow) for flow in flows))


def _flow(flow: View) -> list[str]:
    fields = {field["name"]: field["window"]["quantiles"] or {} for field in flow["calls"]["fields"]}
    numbers = (
        sum(one["calls"] for one in flow["calls_total"]),
        flow["rows_total"],
        flow["rows_flagged_total"],
        fields["duration_seconds"].get("p50"),
        fields["duration_seconds"].get("p99"),
        fields["added_seconds"].get("p50"),
    )
    return [text(flow[name]) for name in ("model", "version", "route")] + [text(one) for one in numbers]


def _verdicts(flows: Sequence[View]) -> str:
    head = ("Model", "Version", "Route", "Verdict", "In", "Since", "How", "Inputs", "Answers", "Broken")
    return _table("Verdicts", head, (_verdict(flow) for flow in flows))


def _verdict(flow: View) -> list[str]:
    alarm = flow["inputs"]["alarm"] or flow["outputs"]["alarm"] or {"pace": ""}
    broken = ", ".join(f"{one['feature']}: {one['kind']}" for one in flow["breaks"])
    name = _marked(flow["verdict"] in ("stable", "unknown"), flow["verdict"])
    names = [text(flow[key]) for key in ("model", "version", "route")]
    facts = (flow["subject"], flow["since"], alarm["pace"], flow["inputs"]["state"], flow["outputs"]["state"])
    return [*names, name, *map(text, facts), text(broken)]


def _drift(flows: Sequence[View]) -> str:
    head = ("Model", "Feature", "#Rows moved", "#Evidence (log e)", "Since")
    rows = []
    for flow in flows:
        alarm = flow["alarm"] or {"features": ()}
        alarmed = {one["feature"]: alarm["since"] for one in alarm["features"]}
        for one in flow["features"][:FEATURES_SHOWN]:
            since = alarmed.get(one["feature"])
            name = _marked(False, one["feature"]) if since else text(one["feature"])
            moved, evidence = f"{one['effect']:.0%}", one["log_evidence"]
            rows.append([text(flow["model"]), name, text(moved), text(evidence), text(since)])
    return _table("Inputs against the reference", head, rows)


def _chain(graph: View) -> str:
    """Who feeds whom. Who broke the chain takes asking the others, so it is a link and no part of this."""
    head = ("From", "To", "#Calls", "#Failed", "#Flagged", "#Of odd ones before", "#Of others")
    edges = _table("Chain of models", head, (_edge(edge) for edge in graph["edges"]))
    return edges and f'{edges}<div><a href="/api/v1/cascade">Which model broke the chain?</a></div>'


def _edge(edge: View) -> list[str]:
    shares = (edge["flagged_given_upstream_odd"], edge["flagged_given_upstream_normal"])
    numbers = [text(edge[name]) for name in ("source", "target", "calls", "failed", "flagged")]
    return [*numbers, *("" if share is None else text(f"{share:.2%}") for share in shares)]


def _cohorts(found: View) -> str:
    head = ("Cohort", "#Rows", "#Of flagged", "#Of all", "First", "Last", "What sets it apart")
    return _table("What was flagged, in groups", head, (_cohort(one) for one in found["cohorts"]))


def _cohort(one: View) -> list[str]:
    name = f'<span class="{map_picture.colour(one["id"])}">●</span>'
    link = f'{name} <a href="/api/v1/cohorts/{one["id"]}">{one["id"]}</a>'
    shares = [text(f"{one[share]:.2%}") for share in ("share_of_flagged", "share_of_scored")]
    words = [text(one[name]) for name in ("first", "last", "description")]
    return [link, text(round(one["rows"])), *shares, *words]


def _map(chart: View) -> str:
    picture = map_picture.svg(chart)
    if not picture:
        return ""
    kinds = ("reference", "training rows"), ("clean", "clean"), ("single", "flagged, in no cohort")
    legend = " ".join(f'<span class="{kind}">●</span> {words}' for kind, words in kinds)
    return f"<h2>Map of rows</h2>{picture}<div>{legend}; cohorts as above</div>"


def _exchanges(title: str, found: Sequence[View]) -> str:
    head = ("Started", "Request", "#Status", "Verdict", "#Score", "#Seconds", "Id")
    return _table(title, head, (_exchange(one) for one in found))


def _exchange(one: View) -> list[str]:
    id_ = f'<a href="/api/v1/exchanges/{text(one["id"])}"><code>{text(one["id"][:18])}</code></a>'
    verdict = _marked(one["verdict"] not in ("outlier", "adversarial"), one["verdict"])
    score = None if one["score"] != one["score"] else one["score"]
    request = f"<code>{text(one['method'])} {text(one['target'][:80])}</code>"
    numbers = [text(one["status"]), verdict, text(score), text(one["duration_seconds"])]
    return [text(one["started"]), request, *numbers, id_]


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; a heading with # in front has numbers. Empty without rows."""
    drawn = "".join(_row("td", row, head) for row in rows)
    if not drawn:
        return ""
    names = _row("th", [text(one.removeprefix("#")) for one in head], head) if any(head) else ""
    return f'<h2>{text(title)}</h2><div class="scroll"><table>{names}{drawn}</table></div>'


def _row(tag: str, cells: Sequence[str], head: Sequence[str]) -> str:
    classes = (' class="number"' if one.startswith("#") else "" for one in head)
    drawn = (f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(classes, cells, strict=True))
    return f"<tr>{''.join(drawn)}</tr>"
