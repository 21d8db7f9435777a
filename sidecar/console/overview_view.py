"""`/api/v1/overview`: is the model healthy, in one answer. Pure functions.

The six failure modes, the traffic of each flow, and what is lost. Cheap, because every page that is open asks
for it again and again. Counterparts: `sidecar.console.modes`, which judges; `sidecar top`, which prints it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.console.modes import Mode, modes, worst
from sidecar.console.views import View, flow_names, learning, when
from sidecar.observer import calls
from sidecar.observer.history import Point
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key
from sidecar.observer.traffic import Flow

MINUTE = 60.0

HEADLINES = {
    "alarm": "Needs you",
    "watch": "Worth a look",
    "waiting": "Still learning",
    "fine": "Healthy",
    "down": "Not serving",
}
"""What the whole comes to, in words."""

MEASURES = {
    "duration_seconds": calls.DURATION,
    "upstream_seconds": calls.UPSTREAM,
    "added_seconds": calls.ADDED,
}


def overview(observer: Observer) -> View:
    """Everything that the first page says."""
    now = observer.clock()
    found, health = modes(observer), observer.workers.health(now)
    totals = observer.workers.totals()
    state = "down" if health.reasons else worst(found)
    return {
        "now": when(now),
        "service": observer.edges.service,
        "upstream_url": observer.settings.upstream,
        "state": state,
        "headline": headline(state, found, health.reasons),
        "drift": observer.drift_state(),
        "learning": learning(observer),
        "modes": [_mode(one) for one in found],
        "traffic": [_traffic(observer, key, flow, now) for key, flow in observer.traffic.flows.items()],
        "calls": totals.calls,
        "failed": dict(totals.failed),
        "records": observer.records,
        "stamp": _stamp(observer, found, health.reasons),
        "records_dropped": totals.records_dropped,
        "left_out": dict(observer.traffic.left_out),
    }


def headline(state: str, found: Sequence[Mode], reasons: Sequence[str] = ()) -> str:
    """One line for all of it: what is wrong, by name."""
    if reasons:
        return f"{HEADLINES['down']}: {'; '.join(reasons)}"
    named = [mode.title.lower() for mode in found if mode.state == state]
    return f"{HEADLINES[state]}: {', '.join(named)}" if state in ("alarm", "watch") else HEADLINES[state]


def stamp(observer: Observer) -> str:
    """Changes when a state does, so that whoever shows it draws it at once."""
    return _stamp(observer, modes(observer), observer.workers.health(observer.clock()).reasons)


def _stamp(observer: Observer, found: Sequence[Mode], reasons: Sequence[str]) -> str:
    return "|".join(
        (
            observer.drift_state(),
            *(mode.state for mode in found),
            *reasons,
            observer.learning.phase,
            str(observer.cohorts.searches),
        )
    )


def _mode(one: Mode) -> View:
    return {**one._asdict(), "since": when(one.since)}


def _traffic(observer: Observer, key: Key, flow: Flow, now: float) -> View:
    course = observer.history.courses.get(key)
    sample = flow.calls.snapshot(now).summary.sample.rows
    total = flow.verdicts.total()
    failed = sum(count for (status, _), count in flow.verdicts.items() if status >= 500)
    return {
        **flow_names(key),
        "calls": total,
        "failed": failed,
        "rows": flow.rows,
        "flagged": flow.flagged,
        "calls_per_minute": _rate(course.points if course else (), total, now, flow.last),
        **{
            name: {"p50": calls.quantile(sample[:, i], 0.5), "p99": calls.quantile(sample[:, i], 0.99)}
            for name, i in MEASURES.items()
        },
        "last": when(flow.last),
    }


def _rate(points: Sequence[Point], total: int, now: float, last: float) -> float | None:
    """Calls a minute, over the last minute as far as the course is that fine."""
    before = next((point for point in reversed(points) if now - point.time >= MINUTE), None)
    before = before or (points[0] if points else None)
    if before is None or now - before.time < 1.0 or total < before.calls:
        return None
    # The first point is made with the first calls, which are in it already.
    return (total - before.calls) / (now - before.time) * MINUTE
