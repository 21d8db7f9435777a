"""`/api/v1/exchanges`: the latest calls, short in the list and whole one by one. Pure functions."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from sidecar.console.views import View, when
from sidecar.exchange import Headers, Record
from sidecar.features import Schema
from sidecar.observer.observer import Observer


def exchanges(observer: Observer, limit: int, verdict: str = "", since: float = 0.0) -> View:
    """The newest first; those that ended at `since` (Unix seconds) or later."""
    found = [
        record
        for record in reversed(observer.exchanges.snapshot())
        if (not verdict or record.verdict == verdict) and ended(record) >= since
    ]
    p = observer.traffic.oddness.p
    return {"exchanges": [brief(record, p(record)) for record in found[:limit]], "kept": len(found)}


def exchange(observer: Observer, id_: str) -> View | None:
    """Everything that's kept of the newest exchange with this request id, or None."""
    for record in reversed(observer.exchanges.snapshot()):
        if record.id == id_:
            output_p = observer.traffic.oddness.p(record)
            return whole(record, observer.schema, observer.traffic.digest, output_p)
    return None


def ended(record: Record) -> float:
    """When the exchange ended, in Unix seconds."""
    return (record.started_ns + record.ended_ns) / 1e9


def brief(record: Record, output_p: float = math.nan) -> View:
    """One line of the list. `output_p` is that of the answer, NaN where it was not scored."""
    return {
        "id": record.id,
        "started": when(record.started_ns / 1e9),
        "duration_seconds": record.ended_ns / 1e9,
        "method": record.method,
        "target": record.target,
        "status": record.status,
        "failure": record.failure,
        "model": record.model,
        "version": record.version,
        "rows": record.rows,
        "verdict": record.verdict,
        "reason": record.reason,
        "score": 1.0 - record.p,
        "flagged": record.flagged,
        "output_p": output_p,
        "trace_id": record.span.trace,
    }


def whole(record: Record, schema: Schema | None, digest: str, output_p: float = math.nan) -> View:
    """One exchange with its headers, its features by name, and what each detector thought of it."""
    return {
        **brief(record, output_p),
        "p": record.p,
        "row_p": record.row_p,
        "detectors": [
            {"name": one.name, "raw": one.raw, "p": one.p, "top": one.top} for one in record.detectors
        ],
        "evidence": [msgspec.structs.asdict(one) for one in record.evidence],
        "features": features(record, schema) if schema is not None and record.baseline == digest else None,
        "action": record.action,
        "rule": record.rule,
        "codec": record.codec,
        "baseline": record.baseline,
        "client": record.client,
        "host": record.host,
        "forwarded_seconds": record.forwarded_ns / 1e9,
        "first_byte_seconds": record.first_byte_ns / 1e9,
        "scoring_seconds": record.scored_ns / 1e9,
        "first_event_seconds": record.first_event_ns / 1e9,
        "events": record.events,
        "request_bytes": record.request_bytes,
        "response_bytes": record.response_bytes,
        "request_headers": _headers(record.request_headers),
        "response_headers": _headers(record.response_headers),
        "span": msgspec.to_builtins(msgspec.structs.asdict(record.span)),
    }


def features(record: Record, schema: Schema) -> list[View]:
    """The rows that were kept, by field name; categories by their own names, null where missing."""
    values = np.frombuffer(record.features, dtype="<f8").reshape(-1, len(schema.fields))
    return [
        {field.name: _value(value, field.categories) for field, value in zip(schema.fields, row, strict=True)}
        for row in values.tolist()
    ]


def _value(value: float, categories: tuple[str, ...]) -> float | str:
    if not categories or value != value:
        return value
    return categories[int(value)] if value < len(categories) else "(new category)"


def _headers(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
