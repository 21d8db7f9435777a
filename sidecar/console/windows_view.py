"""`/api/v1/windows`: every rolling window beside what it is compared with. Pure functions."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.console.views import View, flow_names, when
from sidecar.observer.headings import Headings
from sidecar.observer.observer import Observer
from sidecar.observer.outputs import Outputs
from sidecar.observer.routes import Key
from sidecar.observer.statistics import compare, psi
from sidecar.observer.traffic import Flow
from sidecar.observer.windows import Window
from sidecar.scoring.bins import ReferenceField

QUANTILES = {"p05": 0.05, "p50": 0.5, "p90": 0.9, "p99": 0.99}
"""Of the window's uniform sample, which is the whole window unless that's very large."""


def windows(observer: Observer, model: str = "", version: str = "", route: str = "") -> View:
    """All flows that have these names; an empty name stands for any."""
    now = observer.clock()
    wanted = (model, version, route)
    return {
        "windows": [
            _flow(key, flow, now)
            for key, flow in observer.traffic.flows.items()
            if all(not want or want == name for want, name in zip(wanted, key, strict=True))
        ]
    }


def _flow(key: Key, flow: Flow, now: float) -> View:
    return {
        **flow_names(key),
        "last": when(flow.last),
        "rows_total": flow.rows,
        "rows_flagged_total": flow.flagged,
        "calls_total": [
            {"status": status, "verdict": verdict, "calls": calls}
            for (status, verdict), calls in sorted(flow.verdicts.items())
        ],
        "calls": window(flow.calls, now),
        "inputs": window(flow.inputs, now) if flow.inputs is not None else None,
        "outputs": _outputs(flow.outputs, now),
    }


def _outputs(outputs: Outputs, now: float) -> View | None:
    if outputs.window is None:
        return None
    # Until the first window is full there's nothing to compare with.
    return {
        "reference_is": "first-window" if outputs.cut else "none-yet",
        "rows_of_other_shape": outputs.other_shape,
        **window(outputs.window, now),
        "embeddings": _embeddings(outputs.headings, now) if outputs.headings is not None else None,
    }


def _embeddings(headings: Headings, now: float) -> View:
    """Where embeddings point as wholes, beside where those of the first window did."""
    reference, found = headings.reference, headings.snapshot(now)
    expected = reference.expected(found.rows)
    return {
        "rows": found.rows,
        "reference_rows": reference.rows,
        "numbers": len(reference.total),
        "concentration": found.concentration,
        "reference_concentration": reference.concentration,
        "mean_cosine": _number(reference.cosine(found), found.rows),
        "mean_cosine_expected": expected if found.rows else None,
    }


def window(rolling: Window, now: float) -> View:
    """One window: the time it covers, and each field's reference and window side by side."""
    block = rolling.snapshot(now)
    summary = block.summary
    sample = summary.sample.rows
    moments = summary.moments
    fields = []
    for i, (field, where) in enumerate(zip(rolling.fields, rolling.bins.slices, strict=True)):
        counts = summary.counts[where]
        now_is = {
            "rows": summary.rows,
            "mean": _number(moments.mean[i], moments.count[i]),
            "std": _number(np.sqrt(moments.variance[i]), moments.count[i]),
            "min": _number(moments.low[i], moments.count[i]),
            "max": _number(moments.high[i], moments.count[i]),
            "missing": _share(counts[-1], summary.rows),
            "new": _share(counts[-2], summary.rows) if field.kind == "category" else None,
            "quantiles": _quantiles(sample[:, i]),
        }
        fields.append(_field(field, counts, sample[:, i], now_is))
    return {"since": when(block.first), "until": when(block.last), "rows": summary.rows, "fields": fields}


def _field(
    field: ReferenceField, counts: NDArray[np.int64], sample: NDArray[np.float64], now_is: View
) -> View:
    shares = field.probabilities or (None,) * len(counts)
    statistics = compare(field, counts, sample) if field.probabilities else {}
    return {
        "name": field.name,
        "kind": field.kind,
        "reference": _reference(field),
        "window": now_is,
        "psi": psi(field, counts) if field.probabilities and counts.sum() else None,
        "statistics": {name: msgspec.structs.asdict(one) for name, one in statistics.items()} or None,
        "bins": [
            {"label": label, "reference": share, "window": count}
            for label, share, count in zip(field.labels, shares, counts.tolist(), strict=True)
        ],
    }


def _reference(field: ReferenceField) -> View | None:
    if not field.probabilities:
        return None
    return {
        "rows": field.rows,
        "mean": field.mean,
        "std": field.std,
        "min": field.min,
        "max": field.max,
        "missing": field.probabilities[-1],
    }


def _quantiles(values: NDArray[np.float64]) -> View | None:
    found = values[np.isfinite(values)]
    if not len(found):
        return None
    return dict(zip(QUANTILES, np.quantile(found, list(QUANTILES.values())).tolist(), strict=True))


def _number(value: Any, count: float) -> float | None:
    return float(value) if count > 0 and np.isfinite(value) else None


def _share(part: Any, rows: int) -> float | None:
    return float(part) / rows if rows else None
