"""What the caller is told: the anomaly fields of an answer, and every failure as one response.

Pure: values in, bytes out. This is the only place that turns a failure into a response, and the only
place that knows how a score looks on the wire. Contract: docs/headers.md (RFC 9651 dictionaries and
items; p-values have more decimals than its three, because 0.0004 is the point of them).
"""

from __future__ import annotations

import math

import orjson

from sidecar.errors import FAILURES, CallFailed
from sidecar.evidence import written
from sidecar.exchange import Answer, Decision, DetectorScore, Score
from sidecar.proxy.heads import ResponseHead

_MOST_ROWS = 64


def problem(failed: CallFailed, request_id: str, *, close: bool, head_only: bool = False) -> bytes:
    """A whole response for a call that failed: `application/problem+json` as in RFC 9457."""
    row = FAILURES[failed.cause]
    detail = f"{failed.detail}. {row.advice}" if failed.detail else row.advice
    body = _problem(failed.cause, row.status, detail, request_id)
    head = (
        f"HTTP/1.1 {row.status} {_REASONS[row.status]}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        f"x-sidecar-error: {failed.cause}\r\n"
    )
    if request_id:
        head += f"x-request-id: {request_id}\r\n"
    if row.status == 503:
        head += "Retry-After: 1\r\n"
    if close:
        head += "Connection: close\r\n"
    return head.encode("latin-1") + b"\r\n" + (b"" if head_only else body)


def _problem(cause: str, status: int, detail: str, request_id: str) -> bytes:
    return orjson.dumps(
        {
            "type": f"urn:sidecar:error:{cause}",
            "title": FAILURES[cause].title,
            "status": status,
            "detail": detail,
            "instance": f"urn:sidecar:request:{request_id}" if request_id else "urn:sidecar:request",
        }
    )


def in_place(answer: Answer, request_id: str, *, head_only: bool) -> tuple[ResponseHead, bytes]:
    """The answer of a policy, as if it were the model's: a head and a body."""
    if answer.content_type:
        kind, body = answer.content_type, answer.body.encode()
    else:
        kind = "application/problem+json"
        detail = answer.detail or FAILURES[answer.cause].advice
        body = _problem(answer.cause, answer.status, detail, request_id)
    lines = (
        f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, '')}\r\n"
        f"Content-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
    )
    if answer.cause:
        lines += f"x-sidecar-error: {answer.cause}\r\n"
    if answer.retry_after:
        lines += f"Retry-After: {answer.retry_after}\r\n"
    head = ResponseHead(
        answer.status, lines.encode("latin-1"), (), (), head_only, False, False, False, True, len(body)
    )
    return head, b"" if head_only else body


_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    499: "Client Closed Request",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def anomaly_fields(score: Score, decision: Decision, drift: str) -> bytes:
    """The header lines that carry a score, each ended by CRLF."""
    verdict = score.verdict
    if verdict == "unscored":
        lines = f'x-anomaly-verdict: unscored; reason="{text(score.reason)}"\r\n'
    elif verdict == "learning":
        lines = f"x-anomaly-verdict: learning; seen={score.seen}; need={score.need}\r\n"
    else:
        lines = f"x-anomaly-verdict: {verdict}\r\n"
        if score.p == score.p:  # an attack may be seen in what no detector can score
            detail = ", ".join(map(_detail, score.detectors))
            lines = f"x-anomaly-score: {1.0 - score.p:.4f}\r\n{lines}x-anomaly-detail: {detail}\r\n"
        if score.evidence:
            lines += f"x-anomaly-evidence: {written(score.evidence)}\r\n"
        if score.flagged and len(score.row_p) > 1:
            lines += f"x-anomaly-rows: {', '.join(map(str, score.flagged[:_MOST_ROWS]))}\r\n"
    if drift:
        lines += f"x-drift-state: {drift}\r\n"
    label = f'; label="{decision.label}"' if decision.label else ""
    lines += f'x-policy-action: {decision.action}; rule="{decision.rule}"{label}\r\n'
    return lines.encode("latin-1", "replace")


def _detail(detector: DetectorScore) -> str:
    line = f"{detector.name};raw={number(detector.raw)};p={number(detector.p)}"
    if detector.top:
        line += f";top=({' '.join(string(name) for name in detector.top)})"
    return line


def number(value: float) -> str:
    """A number with seven significant digits and never an exponent, which structured fields lack.
    Infinity is the token `inf`."""
    text = f"{value:.7g}"
    if "e" not in text and "n" not in text:
        return text
    return f"{value:.12f}".rstrip("0").rstrip(".") if math.isfinite(value) else str(value)


def string(value: str) -> str:
    """A structured-field string; a display string (RFC 9651, 3.3.8) when it is not printable ASCII."""
    if value.isascii() and value.isprintable():
        return f'"{text(value)}"'
    escaped = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'%"' else f"%{byte:02x}" for byte in value.encode()
    )
    return f'%"{escaped}"'


def text(value: str) -> str:
    """Printable ASCII, escaped for the inside of a structured-field string."""
    if not (value.isascii() and value.isprintable()):
        value = "".join(char if char.isascii() and char.isprintable() else "?" for char in value)
    return value.replace("\\", "\\\\").replace('"', '\\"')
