"""The schema of a capture: every column, its kind, what it means and where it comes from. One row is one
call.

Counterparts: `sidecar.capture.arrays` makes Arrow arrays of it, `sidecar.capture.reading` gives rows back,
`docs/capture.md` prints it and a test holds it to that. Columns are only ever added, at the end: a reader
finds null in files older than a column.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from sidecar.capture.parcels import Layout
from sidecar.evidence import written
from sidecar.exchange import Captured, Headers, Record

Kind: TypeAlias = Literal[
    "text",
    "texts",
    "moment",
    "number",
    "numbers",
    "whole",
    "wholes",
    "yes or no",
    "bytes",
    "fields",
    "features",
    "categories",
    "detectors",
]
"""What a column holds; `sidecar.capture.arrays.KINDS` says which Arrow type that is."""


class Row(NamedTuple):
    """A captured call, and what is known of the sidecar and the baseline that saw it."""

    record: Record
    captured: Captured
    layout: Layout | None
    drift: str
    service: str
    pod: str


class Column(NamedTuple):
    """One row of `COLUMNS`."""

    kind: Kind
    meaning: str
    of: Callable[[Row], Any]


def _text(value: str) -> str:
    """Valid Unicode, whatever a caller sent."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _seconds(nanoseconds: int) -> float | None:
    return nanoseconds / 1e9 if nanoseconds else None


def _fields(headers: Headers) -> list[tuple[str, str]]:
    """Fields that stand more than once are joined, as RFC 9110 (5.2) allows."""
    fields: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return list(fields.items())


COLUMNS: dict[str, Column] = {
    # -- which call
    "id": Column(
        "text", "Request id: the caller's own or a new one. Labels come by it.", lambda r: _text(r.record.id)
    ),
    "started": Column("moment", "When the request's head had come.", lambda r: r.record.started_ns // 1000),
    "service": Column("text", "Name of the model's service, `service-name`.", lambda r: r.service),
    "pod": Column("text", "Host name of the sidecar.", lambda r: r.pod),
    "trace_id": Column("text", "W3C trace id.", lambda r: r.record.span.trace),
    "span_id": Column("text", "SERVER span of this call.", lambda r: r.record.span.server),
    "client_span_id": Column("text", "CLIENT span of the call to the model.", lambda r: r.record.span.client),
    "parent_span_id": Column(
        "text", "The caller's span; empty: it sent none.", lambda r: r.record.span.parent
    ),
    # -- how much it stands for
    "weight": Column(
        "number",
        "Calls that this one stands for: 1 for odd and broken ones, 1 / `capture-rate` for the others, "
        "1 / `share` under a `sample`.",
        lambda r: r.record.weight,
    ),
    # -- what was asked and answered
    "method": Column("text", "HTTP method.", lambda r: _text(r.record.method)),
    "target": Column("text", "Path and query, redacted.", lambda r: _text(r.record.target)),
    "host": Column("text", "Host that was asked.", lambda r: _text(r.record.host)),
    "client": Column("text", "Address of the caller.", lambda r: r.record.client),
    "status": Column("whole", "Status sent to the caller; 0: it left before.", lambda r: r.record.status),
    "failure": Column(
        "text", "What broke, as in docs/headers.md; empty: nothing.", lambda r: r.record.failure
    ),
    "request_headers": Column(
        "fields",
        "Fields that `capture-headers` allows, names in lower case.",
        lambda r: _fields(r.captured.request_headers),
    ),
    "response_headers": Column(
        "fields", "Likewise, of the answer.", lambda r: _fields(r.captured.response_headers)
    ),
    "request_body": Column(
        "bytes", "Request body, redacted, not compressed.", lambda r: r.captured.request_body
    ),
    "response_body": Column("bytes", "Response body, likewise.", lambda r: r.captured.response_body),
    "request_truncated": Column(
        "yes or no",
        "Whether the request body went on, beyond `capture-body-bytes` or unsent.",
        lambda r: r.captured.request_truncated,
    ),
    "response_truncated": Column(
        "yes or no", "Likewise, of the answer.", lambda r: r.captured.response_truncated
    ),
    "redacted": Column(
        "texts",
        "What was taken out of the bodies, by rule; `dropped:...` says why one is missing.",
        lambda r: r.captured.marks,
    ),
    "request_bytes": Column(
        "whole", "Bytes of the request body on the wire.", lambda r: r.record.request_bytes
    ),
    "response_bytes": Column(
        "whole", "Bytes of the response body on the wire.", lambda r: r.record.response_bytes
    ),
    # -- when
    "duration_seconds": Column(
        "number", "From the request's head to the end.", lambda r: _seconds(r.record.ended_ns)
    ),
    "forwarded_seconds": Column(
        "number",
        "Until the request left for the model; null: never.",
        lambda r: _seconds(r.record.forwarded_ns),
    ),
    "first_byte_seconds": Column(
        "number", "Until the answer began; null: never.", lambda r: _seconds(r.record.first_byte_ns)
    ),
    "scoring_seconds": Column(
        "number", "Work on scoring; null: none.", lambda r: _seconds(r.record.scored_ns)
    ),
    # -- what was found
    "codec": Column("text", "Wire format that the body was read by.", lambda r: r.record.codec),
    "model": Column("text", "Model asked for.", lambda r: _text(r.record.model)),
    "version": Column("text", "Its version, where the call named one.", lambda r: _text(r.record.version)),
    "baseline": Column("text", "Digest of the baseline that scored.", lambda r: r.record.baseline),
    "rows": Column("whole", "Rows in the request.", lambda r: r.record.rows),
    "features": Column(
        "features",
        "By field of the schema, a value for each row; a category is its number; null: missing.",
        lambda r: r,
    ),
    "categories": Column(
        "categories", "By field that has categories, their names in the order of their numbers.", lambda r: r
    ),
    "verdict": Column(
        "text", "`normal`, `outlier`, `adversarial`, `unscored` or `learning`.", lambda r: r.record.verdict
    ),
    "reason": Column("text", "Why it is unscored.", lambda r: _text(r.record.reason)),
    "p": Column(
        "number", "Conformal p-value of the worst row; null: unscored.", lambda r: _known(r.record.p)
    ),
    "score": Column("number", "1 - p.", lambda r: _known(1.0 - r.record.p)),
    "row_p": Column("numbers", "Each row's p-value.", lambda r: [_known(p) for p in r.record.row_p]),
    "flagged": Column(
        "wholes", "Rows at or under the threshold, counted from 0.", lambda r: r.record.flagged
    ),
    "detectors": Column(
        "detectors",
        "Each detector's raw score of the worst row, its p-value, and the features that contributed most.",
        lambda r: [(one.name, one.raw, one.p, list(one.top)) for one in r.record.detectors],
    ),
    "drift": Column("text", "`x-drift-state` when the call was heard of.", lambda r: r.drift),
    "evidence": Column(
        "text",
        "`x-anomaly-evidence`: signs of an attack; null: none.",
        lambda r: _text(written(r.record.evidence)) or None,
    ),
    # -- what was done
    "action": Column("text", "What policy made of it.", lambda r: r.record.action),
    "rule": Column("text", "The rule that chose.", lambda r: r.record.rule),
}
"""Name -> column, in the order of the file."""
