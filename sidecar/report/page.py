"""Answers of the admin API -> one HTML page that needs nothing else. Pure functions.

What stands in it, in this order: the state; for each flow its verdict with the numbers that led to it, its
course, its windows beside the reference; then changes of verdicts, closed windows, cohorts, edges, and what
was dropped, so that nobody takes the rest for all there was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sidecar.report import plots
from sidecar.report.plots import Line, Stretch
from sidecar.report.tables import Record, flow_name, same_flow, second, share, table, text
from sidecar.report.units import STATES

Answers = dict[str, Record]
"""Question -> answer: see `sidecar.report.command`."""

FEATURES = 12
"""Inputs of a flow that are drawn, the most distant from the reference first."""

TESTS = ("inputs", "relations", "outputs")

STYLE = """
:root { color-scheme: light dark; --line: #8886; --bad: #b3261e; --good: #1b6e3c; --blue: #2f6fb3; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
svg { display: block; width: 100%; margin: .3rem 0; } .wide { max-width: 720px; }
.small { max-width: 220px; } svg text { font-size: 11px; fill: currentColor; }
svg path { fill: none; stroke: currentColor; stroke-width: 1.5; } .axis { opacity: .4; }
.level { stroke-dasharray: 5 4; opacity: .7; } path.inputs, path.calls { stroke: var(--blue); }
path.relations { stroke: #7c3aed; stroke-dasharray: 8 3; } path.outputs, path.flagged { stroke: #d97706; }
rect { stroke: var(--line); } rect.stable { fill: #1b6e3c55; } rect.unknown { fill: #8883; }
rect.drift { fill: #b3261eaa; } rect.window { fill: #2f6fb377; stroke: none; }
.features { display: flex; flex-wrap: wrap; gap: 1rem; } .features figure { margin: 0; width: 220px; }
figcaption { font-size: .85rem; overflow-wrap: anywhere; }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>sidecar report</title>
<style>{style}</style></head><body>
{parts}
</body></html>
"""


def page(found: Answers, admin: str, since: str) -> str:
    """The page."""
    parts = [
        _state(found, admin, since),
        _section("How models fail in production", _modes(found["overview"])),
        *(_flow(flow, found) for flow in found["verdict"]["flows"]),
        _section("Changes of verdicts", _changes(found["history"]["changes"])),
        _section("Closed windows", _closed(found["history"]["closed"])),
        _section("What was flagged, in groups", _cohorts(found["cohorts"])),
        _section("Who feeds whom", _edges(found["chain"])),
        _section("What was left out", _left_out(found["status"])),
    ]
    return _PAGE.format(style=STYLE, parts="\n".join(filter(None, parts)))


def _section(title: str, content: str) -> str:
    return f"<h2>{text(title)}</h2>\n{content}" if content else ""


def _state(found: Answers, admin: str, since: str) -> str:
    status, now = found["status"], found["history"]["now"]
    calm = status["drift"].partition(";")[0] in ("stable", "unknown")
    state = f'<span class="{"good" if calm else "bad"}">{text(status["drift"])}</span>'
    failed = sum(status["failed"].values())
    return (
        f"<h1>sidecar before {text(status['upstream_url'])}</h1>\n"
        f"<p>The last {text(since)} until {text(second(now))} UTC, as {text(admin)} has them. "
        f"Drift: {state}. {text(status['calls'])} calls since the start, {text(failed)} of them failed; "
        f"{text(status['records_dropped'])} were never heard of.</p>"
    )


def _modes(overview: Record) -> str:
    head = ("State", "What", "Since (UTC)", "Evidence", "What to do")
    return table(
        head,
        (
            (" ".join(STATES[one["state"]]), one["title"], second(one["since"]), one["evidence"], one["next"])
            for one in overview["modes"]
        ),
    )


# -- one flow ------------------------------------------------------------------------------------------


def _flow(flow: Record, found: Answers) -> str:
    calm = flow["verdict"] in ("stable", "unknown")
    about = f" in {flow['subject']}, since {second(flow['since'])} UTC" if flow["subject"] else ""
    verdict = f'<span class="{"good" if calm else "bad"}">{text(flow["verdict"])}</span>{text(about)}'
    courses = [one for one in found["history"]["courses"] if same_flow(one, flow)]
    windows = [one for one in found["windows"]["windows"] if same_flow(one, flow)]
    parts = [
        f"<p>{verdict}</p>",
        _timeline(flow, found["history"]),
        _tests(flow, found["verdict"]),
        table(("Broken column", "How", "#Share", "#Factor"), _breaks(flow)),
        _relations(flow),
        *(_course(course, flow) for course in courses),
        *(_windows(window) for window in windows),
        _performance(flow, found["performance"]),
    ]
    return _section(flow_name(flow), "\n".join(filter(None, parts)))


def _breaks(flow: Record) -> Iterator[Sequence[object]]:
    for one in flow["breaks"]:
        yield one["feature"], one["kind"], share(one["share"]), one["factor"] or None


def _tests(flow: Record, whole: Record) -> str:
    """The numbers that led to the verdict."""
    rows = []
    for name in TESTS:
        test = flow[name]
        alarm = test["alarm"] or {}
        between = [second(one) for one in alarm.get("onset_between", ())]
        rows.append(
            (
                name,
                test.get("state", ""),
                test["rows"],
                test["log_evidence"],
                test["threshold"],
                ", ".join(one["feature"] for one in alarm.get("features", ())),
                alarm["features"][0]["effect"] if alarm else None,
                " to ".join(between),
                alarm.get("pace", ""),
            )
        )
    head = ("Test", "State", "#Rows", "#Evidence", "#Alarm at", "In", "#Effect", "Onset between (UTC)", "How")
    promise = f"one false alarm in {whole['windows_per_false_alarm']:,} windows at most"
    return (
        f"{table(head, rows)}<p>Evidence is the natural logarithm of an e-value: how many times better "
        f'"it moved" explains the rows than "it is as before". The promise is {promise}.</p>'
    )


def _relations(flow: Record) -> str:
    head = ("Columns", "Of", "#Correlation before", "#Since", "#Share of the difference")
    rows = (
        (" ~ ".join(one["columns"]), one["kind"], one["before"], one["since"], share(one["share"]))
        for one in flow["relations"].get("changed", ())
    )
    return table(head, rows)


def _timeline(flow: Record, history: Record) -> str:
    changes = [one for one in history["changes"] if same_flow(one, flow)]
    if not changes:
        return ""
    ends = [*(_unix(one["time"]) for one in changes[1:]), _unix(history["now"])]
    stretches = []
    for one, end in zip(changes, ends, strict=True):
        kind = one["verdict"] if one["verdict"] in ("stable", "unknown") else "drift"
        words = f"{one['verdict']} {one['subject']}".strip()
        stretches.append(Stretch(_unix(one["time"]), end, kind, words))
    return plots.timeline(stretches)


def _course(course: Record, flow: Record) -> str:
    points = course["points"]
    times = [_unix(point["time"]) for point in points]
    evidence = [
        Line(name, [(at, point[name]) for at, point in zip(times, points, strict=True)]) for name in TESTS
    ]
    levels = sorted({flow[name]["threshold"] for name in TESTS if flow[name]["threshold"] is not None})
    totals = {
        name: plots.rates([(at, float(point[of])) for at, point in zip(times, points, strict=True)])
        for name, of in (("calls", "calls"), ("flagged", "flagged"))
    }
    parts = (
        (
            "Evidence of inputs, relations (dashed) and outputs; an alarm at a level",
            plots.lines(evidence, levels),
        ),
        ("Calls (blue) and flagged rows a minute", plots.lines([Line(*one) for one in totals.items()])),
    )
    return "\n".join(f"<h3>{text(title)}</h3>{drawn}" for title, drawn in parts if drawn)


def _windows(flow: Record) -> str:
    inputs = flow["inputs"]
    if inputs is None:
        return ""
    fields = [one for one in inputs["fields"] if one["statistics"]]
    fields.sort(key=lambda one: -one["statistics"]["total_variation"]["effect"])
    figures = "".join(_figure(one) for one in fields[:FEATURES])
    if not figures:
        return ""
    title = f"The last {inputs['rows']:,} rows (bars) beside the reference (line)"
    if len(fields) > FEATURES:
        title += f"; {FEATURES} of {len(fields)} inputs, the most distant first"
    return f'<h3>{text(title)}</h3><div class="features">{figures}</div>'


def _figure(field: Record) -> str:
    counts = [one["window"] for one in field["bins"]]
    whole = max(1, sum(counts))
    drawn = plots.bars(
        [one["reference"] or 0.0 for one in field["bins"]], [one / whole for one in counts], field["name"]
    )
    moved = field["statistics"]["total_variation"]["effect"]
    before, now = _number(field["reference"]["mean"]), _number(field["window"]["mean"])
    words = f"{field['name']}: {moved:.1%} of rows elsewhere; mean {before} before, {now} now"
    return f"<figure>{drawn}<figcaption>{text(words)}</figcaption></figure>"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _performance(flow: Record, performance: Record) -> str:
    """How good predictions were, where labels came."""
    rows = [
        (
            name,
            measure["value"],
            measure["low"],
            measure["high"],
            one["window"]["rows"],
            one["reference"]["realised"].get(name, {}).get("value"),
        )
        for one in performance["flows"]
        if same_flow(one, flow)
        for name, measure in one["window"]["realised"].items()
    ]
    return table(("Realised by labels", "#Value", "#From", "#To (95 %)", "#Rows", "#In the baseline"), rows)


# -- the rest ------------------------------------------------------------------------------------------


def _changes(changes: Sequence[Record]) -> str:
    head = ("When (UTC)", "Flow", "Verdict", "In", "Since", "#Inputs", "#Relations", "#Outputs", "#Effect")
    return table(
        head,
        (
            (
                second(one["time"]),
                flow_name(one),
                one["verdict"],
                one["subject"],
                second(one["since"]),
                *(one["log_evidence"][name] for name in TESTS),
                one["effect"] or None,
            )
            for one in reversed(changes)
        ),
    )


def _closed(closed: Sequence[Record]) -> str:
    head = (
        "Flow",
        "Opened",
        "Closed",
        "Why",
        "#Calls",
        "#Rows",
        "#Flagged",
        "Verdict",
        "In",
        "Most distant inputs",
    )
    return table(
        head,
        (
            (
                flow_name(one),
                second(one["opened"]),
                second(one["closed"]),
                one["why"],
                one["calls"],
                one["rows"],
                one["rows_flagged"],
                one["verdict"],
                one["subject"],
                ", ".join(f"{field['name']} {field['total_variation']:.1%}" for field in one["inputs"][:3]),
            )
            for one in reversed(closed)
        ),
    )


def _cohorts(found: Record) -> str:
    head = ("Cohort", "#Rows", "#Of flagged", "First", "Last", "What sets it apart")
    return table(
        head,
        (
            (
                one["id"],
                round(one["rows"]),
                share(one["share_of_flagged"]),
                second(one["first"]),
                second(one["last"]),
                one["description"],
            )
            for one in found["cohorts"]
        ),
    )


def _edges(chain: Record) -> str:
    head = ("From", "To", "#Calls", "#Rows", "#Failed", "#Flagged")
    names = ("source", "target", "calls", "rows", "failed", "flagged")
    return table(head, ([one[name] for name in names] for one in chain["edges"]))


def _left_out(status: Record) -> str:
    dropped = {"calls that the observer never heard of": status["records_dropped"]}
    heard = {f"heard, but without a place in a window: {why}": n for why, n in status["left_out"].items()}
    rows = [(what, count) for what, count in {**dropped, **heard}.items()]
    return table(("What", "#Calls"), rows)


def _unix(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
