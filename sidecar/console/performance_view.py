"""`/api/v1/performance` and the answer to labels: how good predictions were. Pure functions.

Counterpart: `docs/labels.md` explains every number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.console.views import View, flow_names, when
from sidecar.labels.label import shown
from sidecar.labels.prediction import Roles
from sidecar.labels.reading import Read
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key
from sidecar.observer.truth.performance import Past, Performance
from sidecar.observer.truth.truth import Taken
from sidecar.scoring.validation import Validated


def taken(found: Read, of: Taken) -> View:
    """What became of labels that were sent."""
    return {
        "received": len(found.labels),
        "empty": found.empty,
        "outcomes": dict(of.outcomes),
        "problems": [
            {"id": label.id, "row": label.row, "label": label.value, "outcome": outcome}
            for label, outcome in of.problems
        ],
    }


def performance(observer: Observer) -> View:
    """Labels heard, and every flow's realised performance."""
    ledger = observer.truth.ledger
    return {
        "labels": dict(ledger.counts),
        "labels_waiting": ledger.waiting,
        "calls_kept": ledger.calls,
        "calls_kept_bytes": ledger.bytes,
        "calls_kept_share": ledger.share,
        "left_out": dict(observer.truth.left_out),
        "flows": [_flow(key, known, observer.truth.validated) for key, known in observer.truth.flows.items()],
    }


def _flow(key: Key, known: Performance, validated: Validated | None) -> View:
    first, last = known.between()
    delay = known.delay()
    return {
        **flow_names(key),
        "note": known.note,
        "prediction": _prediction(known.roles, known.names),
        "reference": _reference(known, validated),
        "rows_labelled_total": known.labelled,
        "rows_unreadable_total": known.unreadable,
        "label_delay_seconds": None if delay is None else {"median": delay.median, "nine_in_ten": delay.most},
        "window": {
            "rows": known.rows,
            "since": when(first),
            "until": when(last),
            "realised": _measures(known.measures()),
            "estimated": known.estimated_window(),
        },
        "estimated": {"rows": known.answered_rows, **known.estimated()},
        "history": [_past(past) for past in known.past],
    }


def _prediction(roles: Roles | None, names: tuple[str, ...]) -> View | None:
    if roles is None:
        return None
    return {
        "kind": roles.kind,
        "classes": [shown(value) for value in roles.classes],
        "output": names[roles.predicted] if roles.predicted >= 0 else None,
        "scores": [names[i] for i in roles.scores],
    }


def _reference(known: Performance, validated: Validated | None) -> View:
    """What labels are compared with."""
    told = validated.told if validated is not None and known.compared == "baseline" else None
    return {
        "compared_with": known.compared or None,
        "note": known.unlike,
        "rows": None if told is None else told.rows,
        "realised": {} if told is None else _measures(told.measures),
    }


def _past(past: Past) -> View:
    return {
        "rows": past.rows,
        "since": when(past.first),
        "until": when(past.last),
        "realised": _measures(past.measures),
    }


def _measures(found: Mapping[str, tuple[float, float, float]]) -> dict[str, Any]:
    return {name: {"value": value, "low": low, "high": high} for name, (value, low, high) in found.items()}
