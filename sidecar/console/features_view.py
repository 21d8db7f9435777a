"""`/api/v1/features`: every input beside its reference, the most moved first; and one of them over time.

Lighter than `/api/v1/windows`, which has every statistic with its interval: this is asked for as long as
somebody looks at the page. Pure functions. Counterparts: `sidecar.observer.drift` has the evidence, `windows`
the counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.console import windows_view
from sidecar.console.views import View, alarm_view, flow_names, when
from sidecar.observer.drift import Moved
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key
from sidecar.observer.summary import Summary
from sidecar.observer.traffic import Flow
from sidecar.observer.windows import Block, Window
from sidecar.scoring.bins import ReferenceField


def features(observer: Observer, names: Key, limit: int, offset: int = 0) -> View:
    """The inputs of each flow of these names (empty: any), the strongest evidence first."""
    now = observer.clock()
    return {
        "flows": [
            {**flow_names(key), **_inputs(flow, now, limit, offset)}
            for key, flow in observer.traffic.flows.items()
            if flow.inputs is not None
            and all(not want or want == name for want, name in zip(names, key, strict=True))
        ]
    }


def _inputs(flow: Flow, now: float, limit: int, offset: int) -> View:
    assert flow.inputs is not None
    block = flow.inputs.snapshot(now)
    ranked = flow.drift.standing() if flow.drift is not None else []
    alarm = flow.drift.alarm if flow.drift is not None else None
    named = {one.feature for one in alarm.features} if alarm is not None else set()
    return {
        "rows": block.summary.rows,
        "since": when(block.first),
        "until": when(block.last),
        "features": len(flow.inputs.fields),
        "threshold": flow.drift.threshold if flow.drift is not None else None,
        "alarm": alarm_view(alarm),
        "fields": [
            _field(flow.inputs, block.summary, one, one.feature in named)
            for one in ranked[offset : offset + limit]
        ],
    }


def _field(window: Window, summary: Summary, moved: Moved, alarmed: bool) -> View:
    place = place_of(window, moved.feature)
    field, counts = window.fields[place], summary.counts[window.bins.slices[place]]
    shares = field.probabilities
    return {
        "name": field.name,
        "kind": field.kind,
        "log_evidence": moved.log_evidence,
        "effect": moved.effect,
        "alarmed": alarmed,
        "reference_mean": field.mean if shares else None,
        "mean": _mean(summary, place),
        "missing": _share(counts[-1], summary.rows),
        "reference_missing": shares[-1] if shares else None,
        "new": _share(counts[-2], summary.rows) if field.kind == "category" else None,
        "total_variation": _distance(field, counts),
        "labels": list(field.labels),
        "reference": list(shares),
        "window": counts.tolist(),
    }


def feature(observer: Observer, names: Key, name: str) -> View | None:
    """One input of the first flow of these names that has it: whole, and over time; None if there is none."""
    now = observer.clock()
    for key, flow in observer.traffic.flows.items():
        if not all(not want or want == one for want, one in zip(names, key, strict=True)):
            continue
        if flow.inputs is not None and any(field.name == name for field in flow.inputs.fields):
            return _whole(key, flow, flow.inputs, name, now)
    return None


def _whole(key: Key, flow: Flow, window: Window, name: str, now: float) -> View:
    place = place_of(window, name)
    drift = flow.drift
    standing = next((one for one in drift.standing() if one.feature == name), None) if drift else None
    past = [*drift.history, *([drift.alarm] if drift.alarm is not None else [])] if drift is not None else []
    whole = next(one for one in windows_view.window(window, now)["fields"] if one["name"] == name)
    return {
        **flow_names(key),
        **whole,
        "log_evidence": standing.log_evidence if standing is not None else None,
        "effect": standing.effect if standing is not None else None,
        "threshold": drift.threshold if drift is not None else None,
        "alarms": [alarm_view(one) for one in past if name in {moved.feature for moved in one.features}],
        "over_time": [_stretch(window.fields[place], window, place, one) for one in window.blocks()],
    }


def _stretch(field: ReferenceField, window: Window, place: int, block: Block) -> View:
    """One twentieth of the window: where a history is drawn from."""
    summary = block.summary
    counts = summary.counts[window.bins.slices[place]]
    return {
        "since": when(block.first),
        "until": when(block.last),
        "rows": summary.rows,
        "mean": _mean(summary, place),
        "missing": _share(counts[-1], summary.rows),
        "new": _share(counts[-2], summary.rows) if field.kind == "category" else None,
        "total_variation": _distance(field, counts),
    }


def _mean(summary: Summary, place: int) -> float | None:
    return float(summary.moments.mean[place]) if summary.moments.count[place] > 0 else None


def _share(part: Any, rows: int) -> float | None:
    return float(part) / rows if rows else None


def _distance(field: ReferenceField, counts: NDArray[np.int64]) -> float | None:
    """Total variation: the share of rows that would have to go to other bins to be as in the reference."""
    rows = int(counts.sum())
    if not field.probabilities or not rows:
        return None
    return float(np.abs(counts / rows - np.asarray(field.probabilities)).sum() / 2.0)


def place_of(window: Window, name: str) -> int:
    """The column of an input."""
    return next(i for i, field in enumerate(window.fields) if field.name == name)
