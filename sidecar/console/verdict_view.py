"""`/api/v1/verdict`: the verdict on every flow, and every number that led to it. Pure functions.

Counterparts: `sidecar.observer.verdict`, where the table stands; `docs/drift.md`, which explains it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.console.views import View, alarm_view, flow_names, when
from sidecar.observer.drift import WINDOWS_PER_FALSE_ALARM
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key
from sidecar.observer.sequential import LEAST_EFFECT
from sidecar.observer.traffic import Flow
from sidecar.observer.verdict import SUSPICION, Test, Verdict, broken_columns


def verdicts(observer: Observer) -> View:
    """The header's value, what it takes for an alarm, and every flow's verdict with its facts."""
    now = observer.clock()
    return {
        "state": observer.drift_state(),
        "windows_per_false_alarm": WINDOWS_PER_FALSE_ALARM,
        "least_effect": LEAST_EFFECT,
        "suspicion_threshold": SUSPICION,
        "flows": [_flow(key, found, observer.traffic.flows[key], now) for key, found in observer.verdicts()],
    }


def _flow(key: Key, found: Verdict, flow: Flow, now: float) -> View:
    return {
        **flow_names(key),
        "verdict": found.name,
        "subject": found.subject,
        "since": when(found.since),
        "breaks": msgspec.to_builtins(broken_columns(flow, now)),
        "inputs": {
            "state": found.inputs,
            "reference": "baseline",
            **_test(flow.drift, flow.inputs.total.rows if flow.inputs is not None else 0),
        },
        "relations": {
            "reference": "baseline",
            **_test(flow.relations, flow.relations.rows if flow.relations is not None else 0),
            "changed": msgspec.to_builtins(flow.relations.related if flow.relations is not None else ()),
        },
        "outputs": {
            "state": found.outputs,
            "reference": "first-window",
            **_test(
                flow.output_drift, flow.outputs.window.total.rows if flow.outputs.window is not None else 0
            ),
        },
        "labels": {
            "state": found.labels,
            "reference": (flow.performance.compared if flow.performance is not None else "") or None,
            **_test(
                flow.performance.concept if flow.performance is not None else None,
                flow.performance.tested if flow.performance is not None else 0,
            ),
        },
    }


def _test(test: Test | None, rows: int) -> dict[str, Any]:
    """One sequential test: how far it is, how far it would have to be, and what it found."""
    if test is None:
        return {"rows": rows, "threshold": None, "log_evidence": None, "alarm": None, "history": []}
    return {
        "rows": rows,
        "threshold": test.threshold,
        "log_evidence": test.strongest,
        "suspicion": test.suspicion,
        "alarm": alarm_view(test.alarm),
        "history": [alarm_view(past) for past in test.history],
    }
