"""Which captured calls can be asked again, and the two answers of one call side by side. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from sidecar import codecs
from sidecar.errors import Undecodable
from sidecar.exchange import Headers, Reply, Request
from sidecar.features import columns

Call: TypeAlias = Mapping[str, Any]
"""One row of a capture, by column: see `sidecar.capture.columns`."""

COLUMNS = (
    *("id", "weight", "method", "target", "status", "failure", "request_headers", "response_headers"),
    *("request_body", "response_body", "request_truncated", "response_truncated", "redacted"),
    *("codec", "model", "version", "rows", "features", "categories", "verdict"),
)
"""What is read of a capture."""

Answer: TypeAlias = dict[str, NDArray[Any]]
"""Columns of one answer, each of shape (rows,)."""

COMPRESSION = b"content-encoding"
"""Bodies are captured and received as they were before they were compressed."""


class Pair(NamedTuple):
    """A call and its two answers, of as many rows and the same columns."""

    call: Call
    before: Answer
    now: Answer


def unfit(call: Call) -> str:
    """Why this call can't be asked again; empty when it can."""
    if not call["codec"]:
        return "no codec reads it"
    if call["failure"] or not 200 <= (call["status"] or 0) < 300:
        return "it failed"
    if call["request_body"] is None or call["response_body"] is None:
        return "its bodies weren't kept"
    if call["request_truncated"] or call["response_truncated"]:
        return "its bodies were cut"
    return "its bodies were redacted" if call["redacted"] else ""


def headers(call: Call, of: str) -> Headers:
    """The captured fields of `request_headers` or `response_headers`, as they are now that nothing is
    compressed."""
    fields = call[of] or {}
    found = ((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items())
    return tuple((name, value) for name, value in found if name != COMPRESSION)


def pair(call: Call, reply: Reply) -> Pair | str:
    """The call's two answers; why they can't be compared, if they can't."""
    if not 200 <= reply.status < 300:
        return f"status {reply.status}"
    request = Request(call["method"], call["target"], headers(call, "request_headers"), call["request_body"])
    codec = codecs.choose(request, call["codec"])
    if codec is None:
        return "no codec reads it"
    rows = call["rows"]
    captured = Reply(call["status"], headers(call, "response_headers"), call["response_body"])
    try:
        before, now = (columns(codec.decode_reply(request, one, rows)) for one in (captured, reply))
    except Undecodable as error:
        return f"undecodable: {error}"
    if list(before) != list(now) or not before:
        return "other columns"
    lengths = {len(column) for answer in (before, now) for column in answer.values()}
    return Pair(call, before, now) if len(lengths) == 1 else "another number of rows"
