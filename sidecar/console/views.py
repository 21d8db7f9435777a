"""The observer's state as plain values: what the API answers and the page shows. Pure functions.

Times are RFC 3339 in UTC, durations seconds, sizes bytes; NaN becomes null in JSON. Counterparts:
`docs/api.md` explains every field; `sidecar.console.windows_view` and `exchange_view` hold the longer ones.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from sidecar import __version__
from sidecar.capture.places import shown
from sidecar.capture.sink import Sink
from sidecar.compiled import COMPILED
from sidecar.contest import RULES, broken
from sidecar.observer.drift import Alarm
from sidecar.observer.observer import Observer
from sidecar.observer.refit import Outcome
from sidecar.observer.routes import Key
from sidecar.observer.workers import Worker

View = dict[str, Any]


def when(seconds: float) -> str | None:
    """Unix seconds as RFC 3339 with milliseconds; None for 0."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def status(observer: Observer, sinks: Sequence[Sink] = ()) -> View:
    """`/api/v1/status`: what this sidecar is doing and what it loses."""
    now = observer.clock()
    totals = observer.workers.totals()
    workers = observer.workers.current(now)
    return {
        "versions": {"sidecar": __version__, "python": platform.python_version(), "compiled": COMPILED},
        "uptime_seconds": now - observer.started,
        "observer_restarts": observer.starts - 1,
        "upstream_url": observer.settings.upstream,
        "health": msgspec.to_builtins(observer.workers.health(now)),
        "baseline": {
            "directory": observer.baseline,
            "digest": observer.traffic.digest,
            "error": observer.baseline_error,
            "detectors": observer.detectors,
            "calibration_rows": observer.calibration_rows,
            "finest_p": observer.finest_p,
            "flags_nothing": observer.settings.threshold < observer.finest_p,
        },
        "learning": learning(observer),
        "drift": observer.drift_state(),
        "alerts": {
            "firing": observer.alerts.firing,
            "messages": observer.alerts.sent,
            "messages_failed": observer.alerts.failed,
            "failure": observer.alerts.failure,
        },
        "calls": totals.calls,
        "failed": totals.failed,
        "records": observer.records,
        "records_dropped": totals.records_dropped,
        "records_dropped_bytes": totals.records_dropped_bytes,
        "left_out": dict(observer.traffic.left_out),
        "queue_bytes": sum(worker.counters.queue_bytes for worker in workers),
        "workers": [_worker(worker) for worker in workers],
        "capture": {sink.role: _sink(sink) for sink in sinks},
    }


def _sink(sink: Sink) -> View:
    """How a capture fares: records are kept, dropped, or still waiting."""
    now, past = sink.report, sink.past
    return {
        "place": shown(sink.place),
        "records": sink.offered,
        "weight": sink.weight,
        "kept": sink.kept,
        "dropped": dict(sink.dropped),
        "waiting": sink.waiting,
        "waiting_bytes": sink.waiting_bytes,
        "error": shown(now.error),
        "errors": past.errors + now.errors,
        "restarts": max(0, sink.restarts),
        "events": past.events + now.events,
        "files": past.files + now.files,
        "file_bytes": past.file_bytes + now.file_bytes,
        "files_deleted": past.deleted + now.deleted,
        "spool_bytes": now.waiting_bytes,
    }


def _worker(worker: Worker) -> View:
    facts = msgspec.structs.asdict(worker)
    return {**facts, "counters": msgspec.structs.asdict(worker.counters), "heard": when(worker.heard)}


def learning(observer: Observer) -> View:
    """How far learning has come; phase `off` when a baseline was given."""
    state = observer.learning
    return {
        "phase": "off" if observer.settings.baseline else state.phase,
        "rows_seen": state.seen,
        "rows_needed": state.need,
        "calls_left_out": state.left_out,
        "failures": state.failures,
        "failure": state.failure,
    }


def refit(observer: Observer) -> View:
    """`/api/v1/refit`: champion and challenger of the last refit side by side, and what it takes to win."""
    state = observer.refit
    return {
        "fitting": state.fitting,
        "every_seconds": observer.settings.refit_seconds,
        "baseline": observer.baseline,
        "rules": [{"name": rule.name, "says": rule.says} for rule in RULES],
        "last": None if state.outcome is None else _outcome(state.outcome),
    }


def _outcome(outcome: Outcome) -> View:
    contest = outcome.contest
    return {
        "asked": when(outcome.asked),
        "ended": when(outcome.ended),
        "rows": outcome.rows,
        "adopted": outcome.adopted,
        "reason": outcome.reason,
        "contest": None if contest is None else msgspec.to_builtins(contest),
        "broken": [] if contest is None else broken(contest),
    }


def drift(observer: Observer) -> View:
    """`/api/v1/drift`: the header's value, and for every flow how strong the evidence is."""
    return {
        "state": observer.drift_state(),
        "flows": [
            {
                **flow_names(key),
                "rows": flow.inputs.total.rows,
                "threshold": flow.drift.threshold,
                "alarm": alarm_view(flow.drift.alarm),
                "history": [alarm_view(past) for past in flow.drift.history],
                "features": [
                    {"feature": moved.feature, "log_evidence": moved.log_evidence, "effect": moved.effect}
                    for moved in flow.drift.standing()
                ],
            }
            for key, flow in observer.traffic.flows.items()
            if flow.drift is not None and flow.inputs is not None
        ],
    }


def alarm_view(alarm: Alarm | None) -> View | None:
    """An alarm: since when, how surely, how it came, in what."""
    if alarm is None:
        return None
    return {
        "since": when(alarm.since),
        "raised": when(alarm.raised),
        "ended": when(alarm.ended),
        "onset_between": [when(alarm.earliest), when(alarm.latest)],
        "good_rows_before": alarm.good_rows,
        "from_the_first_row": alarm.from_the_first,
        "pace": alarm.pace,
        "rows_to_alarm": alarm.rows,
        "features": msgspec.to_builtins(alarm.features),
    }


def flow_names(key: Key) -> View:
    """What a flow is called."""
    return {"model": key.model, "version": key.version, "route": key.route}
