"""Statuses of gRPC: of failures and policies' answers for callers, of the model's answers for records. Pure.

Records, windows, captures and metrics speak of HTTP statuses, and a gRPC answer has always 200; so its status
is told as the HTTP status that Google's API design guide gives it (google/rpc/code.proto).
Counterpart: `sidecar.proxy.reply`, which says the same over HTTP/1.
"""

from __future__ import annotations

from sidecar.errors import FAILURES, CallFailed
from sidecar.exchange import Answer, Headers, header

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = range(6)
PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION = 7, 8, 9
UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 12, 13, 14

AS_HTTP = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)
"""By the number of the gRPC status."""

OF_HTTP = {
    400: INVALID_ARGUMENT,
    401: 16,
    403: PERMISSION_DENIED,
    404: NOT_FOUND,
    408: DEADLINE_EXCEEDED,
    409: 10,
    413: RESOURCE_EXHAUSTED,
    422: INVALID_ARGUMENT,
    429: RESOURCE_EXHAUSTED,
    431: RESOURCE_EXHAUSTED,
    499: CANCELLED,
    500: INTERNAL,
    501: UNIMPLEMENTED,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: DEADLINE_EXCEEDED,
}
"""Of failures (`sidecar.errors.FAILURES`) and of what policies say."""


def told(status: int, recorded: Headers) -> int:
    """The HTTP status that a record has of an answer: of its gRPC status where it has one."""
    said = header(recorded, b"grpc-status")
    if status != 200 or said is None:
        return status
    return AS_HTTP[int(said)] if said.isdigit() and len(said) < 3 and int(said) < len(AS_HTTP) else 500


def of_failure(cause: str) -> int:
    """The gRPC status of a failure. A model that cannot be reached in time is one to try again."""
    return UNAVAILABLE if cause == "upstream-connect-timeout" else OF_HTTP[FAILURES[cause].status]


def failed(failure: CallFailed, request_id: str) -> Headers:
    """The fields that a call ends with when it cannot be completed, but for `:status` and content type."""
    advice = FAILURES[failure.cause].advice
    detail = f"{failure.detail}. {advice}" if failure.detail else advice
    return _ended(of_failure(failure.cause), detail, failure.cause, request_id)


def answered(answer: Answer, request_id: str) -> Headers:
    """The fields of a policy's answer in the model's place. A body that a policy has for HTTP is no message
    of this call, so its caller is told that there is none."""
    detail = answer.detail or (FAILURES[answer.cause].advice if answer.cause else "")
    if answer.status < 400:
        code, detail = UNAVAILABLE, "A policy answers this call, and has no answer for gRPC."
    else:
        code = OF_HTTP.get(answer.status, FAILED_PRECONDITION if answer.status < 500 else INTERNAL)
    fields = _ended(code, detail, answer.cause, request_id)
    if answer.retry_after:
        fields += ((b"grpc-retry-pushback-ms", b"%d" % (1000 * answer.retry_after)),)
    return fields


def _ended(code: int, message: str, cause: str, request_id: str) -> Headers:
    fields: Headers = ((b"grpc-status", b"%d" % code), (b"grpc-message", _escaped(message)))
    if cause:
        fields += ((b"x-sidecar-error", cause.encode()),)
    if request_id:
        fields += ((b"x-request-id", request_id.encode("latin-1")),)
    return fields


def _escaped(text: str) -> bytes:
    """`grpc-message` is percent-encoded UTF-8."""
    out = bytearray()
    for byte in text.encode():
        if 0x20 <= byte < 0x7F and byte != 0x25:
            out.append(byte)
        else:
            out += b"%%%02X" % byte
    return bytes(out)
