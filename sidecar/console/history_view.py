"""`/api/v1/history`: what became of every flow. Pure functions.

Counterpart: `sidecar.observer.history`, which keeps it; `sidecar report` draws it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.console.views import View, alarm_view, flow_names, when
from sidecar.observer.history import Change, Closed, Course, Point
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key

TESTS = ("inputs", "relations", "outputs")


def history(observer: Observer, since: float = 0.0, names: tuple[str, str, str] = ("", "", "")) -> View:
    """Changes of verdicts, closed windows and courses since then (Unix seconds), the oldest first; of flows
    with this model, version and route, where one isn't empty."""
    kept = observer.history

    def wanted(key: Key) -> bool:
        return all(not want or want == name for want, name in zip(names, key, strict=True))

    return {
        "now": when(observer.clock()),
        "changes": [_change(one) for one in kept.changes if one.time >= since and wanted(one.key)],
        "closed": [_closed(one) for one in kept.closed if one.closed >= since and wanted(one.key)],
        "courses": [_course(key, course, since) for key, course in kept.courses.items() if wanted(key)],
    }


def _change(one: Change) -> View:
    return {
        "time": when(one.time),
        **flow_names(one.key),
        "verdict": one.verdict,
        "subject": one.subject,
        "part": one.part,
        "since": when(one.since),
        "inputs": one.inputs,
        "outputs": one.outputs,
        "log_evidence": dict(zip(TESTS, one.evidence, strict=True)),
        "thresholds": dict(zip(TESTS, one.thresholds, strict=True)),
        "effect": one.effect,
    }


def _closed(one: Closed) -> View:
    return {
        **flow_names(one.key),
        "why": one.why,
        "opened": when(one.opened),
        "closed": when(one.closed),
        "last": when(one.last),
        "calls": one.calls,
        "rows": one.rows,
        "rows_flagged": one.flagged,
        "verdict": one.verdict,
        "subject": one.subject,
        "alarms": [alarm_view(alarm) for alarm in one.alarms],
        "inputs": msgspec.to_builtins(one.fields),
    }


def _course(key: Key, course: Course, since: float) -> View:
    points = [_point(point) for point in course.points if point.time >= since]
    return {**flow_names(key), "every_seconds": course.every, "points": points}


def _point(point: Point) -> dict[str, Any]:
    return {**msgspec.structs.asdict(point), "time": when(point.time)}
