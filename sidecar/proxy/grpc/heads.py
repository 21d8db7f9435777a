"""What a head of HTTP/2 means: which fields pass, and what is understood of them. Pure.

The values are those of HTTP/1 (`sidecar.proxy.heads`), so that judge, policies and teller need not know the
difference; `lines` is a piece of a header block here. Refused is what RFC 9113 calls malformed (section 8.2).
"""

from __future__ import annotations

import re

from sidecar.errors import CallFailed
from sidecar.exchange import Headers
from sidecar.proxy.grpc.fields import block
from sidecar.proxy.heads import KEPT_FOR_RECORD, OURS, RequestHead, ResponseHead

OF_A_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Fields that HTTP/2 does not have."""

REQUEST_PSEUDO = frozenset({b":method", b":scheme", b":authority", b":path"})
RESPONSE_PSEUDO = frozenset({b":status"})

DROPPED_FROM_RESPONSE = OURS | {b"x-request-id", b"traceresponse"}

_NAME = re.compile(rb":?[!#$%&'*+.^_`|~0-9a-z\-]+").fullmatch
_VALUE = re.compile(rb"[^\x00\r\n]*").fullmatch


def request_head(fields: Headers, dropped: frozenset[bytes]) -> RequestHead:
    """Understand a caller's head. Raises CallFailed("bad-request") for one that must not pass."""
    pseudo = _checked(fields, REQUEST_PSEUDO)
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    if not method or method == b"CONNECT" or not path.startswith(b"/"):
        raise CallFailed("bad-request", "a head without a method or a path, or CONNECT")
    passed, recorded = _passed(fields, dropped)
    passed = [field for field in passed if field != (b"x-request-id", b"")]  # ours goes in its place
    given = {name: value for name, value in fields if name in _IDS}
    request_id = given.get(b"x-request-id", b"")
    if not request_id and (request_id := given.get(b"ce-id", b"")):
        passed.append((b"x-request-id", request_id))
    return RequestHead(
        method.decode("latin-1"),
        path.decode("latin-1"),
        "2",
        fields,
        block(passed),
        recorded,
        (pseudo.get(b":authority") or given.get(b"host", b"")).decode("latin-1"),
        request_id,
        -1,
        False,
        True,
        b"",
        False,
    )


_IDS = frozenset({b"x-request-id", b"ce-id", b"host"})


def response_head(fields: Headers) -> ResponseHead:
    """Understand the model's head. Raises CallFailed("upstream-malformed")."""
    try:
        status = _checked(fields, RESPONSE_PSEUDO).get(b":status", b"")
    except CallFailed as failed:
        raise CallFailed("upstream-malformed", failed.detail) from failed
    if not (len(status) == 3 and status.isdigit()):
        raise CallFailed("upstream-malformed", "a head without a status")
    passed, recorded = _passed(fields, DROPPED_FROM_RESPONSE)
    return ResponseHead(int(status), block(passed), fields, recorded, False, False, False, False, True, -1)


def trailers(fields: Headers, cause: str) -> bytes:
    """Those fields after a body that pass, as a piece of a header block. Raises CallFailed(`cause`)."""
    try:
        _checked(fields, frozenset())
    except CallFailed as failed:
        raise CallFailed(cause, failed.detail) from failed
    return block([field for field in fields if field[0] not in DROPPED_FROM_RESPONSE])


def _passed(fields: Headers, dropped: frozenset[bytes]) -> tuple[list[tuple[bytes, bytes]], Headers]:
    passed = [field for field in fields if field[0] not in dropped]
    return passed, tuple([field for field in fields if field[0] in KEPT_FOR_RECORD])


def _checked(fields: Headers, pseudo: frozenset[bytes]) -> dict[bytes, bytes]:
    """The pseudo-header fields. Raises CallFailed for a head that is malformed."""
    found: dict[bytes, bytes] = {}
    regular = False
    for name, value in fields:
        if _NAME(name) is None or name in OF_A_CONNECTION:
            raise CallFailed("bad-request", "a field that HTTP/2 does not have")
        if not name.endswith(b"-bin") and _VALUE(value) is None:
            raise CallFailed("bad-request", "a field with a line break in its value")
        if name[:1] != b":":
            regular = True
            if name == b"te" and value != b"trailers":
                raise CallFailed("bad-request", "te with anything but trailers")
        elif regular or name not in pseudo or name in found:
            raise CallFailed("bad-request", "a pseudo-header field out of its place")
        else:
            found[name] = value
    return found
