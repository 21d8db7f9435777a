"""The access log: one JSON line for each finished call, with its request id and trace id.

Written from records, so it costs a call nothing, and a call whose record was dropped is missing here too (the
count of those says how many). Pure: records in, bytes out. Counterpart: `sidecar.console.access_file`,
which writes them. Query strings are left out: they may hold anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from sidecar.exchange import Outbound, Record

MOST_TEXT = 1024
"""Characters of a path or a name that somebody else chose."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call. What is empty is left out; `time` and `seconds` always stand."""

    time: str
    seconds: float
    method: str
    path: str
    status: int
    request_id: str
    trace_id: str
    span_id: str
    client: str = ""
    host: str = ""
    model: str = ""
    version: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    rows: int = 0
    verdict: str = ""
    reason: str = ""
    score: float | None = None
    action: str = ""
    rule: str = ""
    failure: str = ""
    to: str = ""
    """Of the model's own calls through the egress: where it went."""
    joined: str = ""


_encode = msgspec.json.Encoder().encode


def lines(records: Iterable[Record]) -> bytes:
    """A line for each call to the model."""
    return b"".join([_encode(_line(record)) + b"\n" for record in records])


def outbound_lines(calls: Iterable[Outbound]) -> bytes:
    """A line for each call of the model's own."""
    return b"".join([_encode(_line(call.record, call.to, call.joined.how)) + b"\n" for call in calls])


def _line(record: Record, to: str = "", joined: str = "") -> Line:
    moment = datetime.fromtimestamp(record.started_ns / 1e9, UTC)
    return Line(
        time=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        seconds=round(record.ended_ns / 1e9, 6),
        method=_text(record.method),
        path=_text(record.target.partition("?")[0]),
        status=record.status,
        request_id=_text(record.id),
        trace_id=record.span.trace,
        span_id=record.span.client if to else record.span.server,
        client=record.client,
        host=_text(record.host),
        model=_text(record.model),
        version=_text(record.version),
        request_bytes=record.request_bytes,
        response_bytes=record.response_bytes,
        rows=record.rows,
        verdict="" if to else record.verdict,
        reason=_text(record.reason),
        score=None if math.isnan(record.p) else round(1.0 - record.p, 6),
        action="" if to else record.action,
        rule="" if to else record.rule,
        failure=record.failure,
        to=_text(to),
        joined=joined,
    )


def _text(value: str) -> str:
    """Valid Unicode of bounded length: a line must be readable whatever a caller sent."""
    return value[:MOST_TEXT].encode("utf-8", "replace").decode()
