"""A finished call, as the data plane tells it, for tests to vary."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from sidecar.exchange import DetectorScore, Record, SpanIds

STARTED = 1_700_000_000_000_000_000
MS = 1_000_000

SPAN = SpanIds(
    trace="4bf92f3577b34da6a3ce929d0e0e4736",
    server="a1a1a1a1a1a1a1a1",
    client="b2b2b2b2b2b2b2b2",
    parent="00f067aa0ba902b7",
    sampled=True,
    state="congo=t61rcWkgMzE",
)

UNSCORED = Record(
    id="req-1",
    span=SPAN,
    started_ns=STARTED,
    forwarded_ns=1 * MS,
    first_byte_ns=6 * MS,
    ended_ns=7 * MS,
    scored_ns=30_000,
    method="POST",
    target="/v2/models/fraud/infer?debug=1",
    host="models.example:8443",
    client="10.1.2.3",
    status=200,
    failure="",
    request_bytes=350,
    response_bytes=120,
    request_headers=((b"User-Agent", b"loadgen/1.0"), (b"Content-Type", b"application/json")),
    response_headers=((b"content-type", b"application/json"),),
    codec="v2",
    model="fraud",
    version="3",
    rows=2,
    features=b"",
    verdict="unscored",
    reason="deadline",
    p=math.nan,
    row_p=(),
    flagged=(),
    detectors=(),
    action="allow",
    rule="default",
    request_body=b"",
    response_body=b"",
    baseline="1f2e3d4c",
)

OUTLIER = msgspec.structs.replace(
    UNSCORED,
    verdict="outlier",
    reason="",
    p=0.0004,
    row_p=(0.0004, 0.7),
    flagged=(0,),
    detectors=(
        DetectorScore("ecod", 41.2, 0.0004, ("amount", "age")),
        DetectorScore("iforest", 0.31, 0.02),
    ),
    action="tag",
    rule="suspicious",
)

NORMAL = msgspec.structs.replace(
    OUTLIER,
    verdict="normal",
    p=0.5,
    row_p=(0.5, 0.7),
    flagged=(),
    detectors=(),
    action="allow",
    rule="default",
)


def record(like: Record = NORMAL, *, sampled: bool = True, **changes: Any) -> Record:
    """`like` with `changes`; `sampled` is the head's decision."""
    span = changes.pop("span", like.span)
    return msgspec.structs.replace(like, span=msgspec.structs.replace(span, sampled=sampled), **changes)
