"""What is lost and why, what waits, versions and settings. Pure functions."""

from __future__ import annotations

from typing import Any

from sidecar.capture.places import shown
from sidecar.console.pages import marks
from sidecar.console.pages.marks import card, facts, moment, state, tag
from sidecar.console.views import View
from sidecar.report.tables import Html, table
from sidecar.report.units import number, share, size


def parts(status: View, settings: list[tuple[str, Any, bool]]) -> list[Html]:
    """What stands on the page. `settings`: name, value, and whether it is the default."""
    source = "/api/v1/status"
    return [
        card("serving", "Does it serve", _serving(status), source=source),
        card("lost", "What is lost", _lost(status), means=_LOST, source=source),
        card("baseline", "What it compares with", _baseline(status), source=source),
        card("workers", "Data planes", _workers(status), source=source),
        *([card("capture", "Captures", _capture(status), source=source)] if status["capture"] else []),
        card("settings", "Settings", _settings(settings), means=_SETTINGS, live=False),
    ]


_LOST = (
    "The model's calls come first: what the observer can't keep up with is dropped and counted, and no"
    " call waits for it. Verdicts rest on what was heard."
)
_SETTINGS = "Those that are not as they come. Files of tokens and keys show by name only."


def _serving(status: View) -> Html:
    health, versions = status["health"], status["versions"]
    ready = state("fine", "Ready") if not health["reasons"] else state("down", "; ".join(health["reasons"]))
    compiled = ", compiled" if versions["compiled"] else ""
    return facts(
        [
            ("State", ready),
            ("Model", f"{health['upstream']}, at {status['upstream_url']}"),
            ("Data plane", f"{health['data_plane']}, {health['workers']} processes"),
            (
                "Observer",
                f"up for {_long(status['uptime_seconds'])}; restarts: {status['observer_restarts']}",
            ),
            ("Version", f"sidecar {versions['sidecar']}{compiled}, Python {versions['python']}"),
            ("Alerts", _alerts(status["alerts"])),
        ]
    )


def _alerts(alerts: View) -> str:
    failure = f"; the last failed: {alerts['failure']}" if alerts["failure"] else ""
    return f"{alerts['firing']} stand, {alerts['messages']} messages sent{failure}"


def _long(value: float) -> str:
    hours, rest = divmod(int(value), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def _lost(status: View) -> Html:
    dropped, calls = status["records_dropped"], max(1, status["calls"])
    numbers = tag(
        "div",
        marks.figure_number(number(dropped), f"of {status['calls']:,} calls the observer never heard of"),
        marks.figure_number(size(status["queue_bytes"]), "wait for the observer now"),
        marks.figure_number(number(status["records"]), "calls it heard of"),
        marks.figure_number(share(sum(status["failed"].values()) / calls), "of calls failed"),
        class_="stats",
    )
    rows = [("failed", name, count) for name, count in status["failed"].items()]
    rows += [("left out of windows", name, count) for name, count in status["left_out"].items()]
    return marks.html((numbers, table(("What", "Why", "#Count"), rows)))


def _baseline(status: View) -> Html:
    baseline, learning = status["baseline"], status["learning"]
    if baseline["error"]:
        return marks.html((state("alarm", "It cannot be read"), tag("p", baseline["error"])))
    if not baseline["digest"]:
        seen, need = min(learning["rows_seen"], learning["rows_needed"]), learning["rows_needed"]
        failure = f" The last try failed: {learning['failure']}." if learning["failure"] else ""
        words = f"{seen:,} of {need:,} rows seen; calls pass unscored.{failure}"
        return marks.empty("Learning what is normal", words)
    return facts(
        [
            ("Directory", tag("code", baseline["directory"])),
            ("Digest", tag("code", baseline["digest"])),
            ("Detectors", ", ".join(baseline["detectors"])),
            (
                "Calibrated on",
                f"{baseline['calibration_rows']:,} rows; the finest p is {baseline['finest_p']:.2g}",
            ),
        ]
    )


def _workers(status: View) -> Html:
    head = ("Worker", "#Process", "Model", "Heard", "#Calls", "#Waiting", "#Dropped", "Baseline")
    rows = (
        [
            one["worker"],
            str(one["pid"]),
            state("down", "down") if one["upstream"] == "down" else one["upstream"],
            moment(one["heard"]),
            number(one["counters"]["calls"]),
            size(one["counters"]["queue_bytes"]),
            number(one["counters"]["records_dropped"]),
            f"refused: {one['refused']}" if one["refused"] else one["baseline"],
        ]
        for one in status["workers"]
    )
    return table(head, rows) or marks.empty("None is connected", "Calls may pass all the same.")


def _capture(status: View) -> Html:
    head = ("Sink", "Where", "#Given", "#Kept", "#Waiting", "#Files", "#Size", "Dropped", "Trouble")
    rows = (
        [
            name,
            tag("code", one["place"]),
            number(one["records"]),
            number(one["kept"]),
            number(one["waiting"]),
            number(one["files"]),
            size(one["file_bytes"]),
            ", ".join(f"{why}: {count:,}" for why, count in one["dropped"].items()),
            one["error"],
        ]
        for name, one in status["capture"].items()
    )
    return table(head, rows)


def _settings(settings: list[tuple[str, Any, bool]]) -> Html:
    changed = [(name, value) for name, value, default in settings if not default]
    others = [(name, value) for name, value, default in settings if default]
    shown = facts((tag("code", name), tag("code", _value(value))) for name, value in changed)
    all_ = facts((tag("code", name), tag("code", _value(value))) for name, value in others)
    rest = tag("details", tag("summary", f"{len(others)} more are as they come"), all_, id="defaults")
    return marks.html((shown, rest))


def public(name: str, value: Any) -> Any:
    """A setting as it may be shown: without passwords in URLs, and of webhooks only the host."""
    if not isinstance(value, str):
        return value
    if name == "alert-url" and value:
        return f"{'/'.join(value.split('/')[:3])}/…"
    return shown(value).partition("?")[0] if "://" in value else value


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value == "" else str(value)
