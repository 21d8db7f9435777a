"""B3, the trace context of Zipkin and of older meshes: one header `b3`, or several `x-b3-*`.

Source: https://github.com/openzipkin/b3-propagation. A trace id of 64 bits is padded with zeros on the left;
no sampling state means that we decide; `d` (debug) counts as sampled.
"""

from __future__ import annotations

import re

from sidecar.exchange import SpanIds
from sidecar.tracing.dialect import Dialect, Fields, Parent
from sidecar.tracing.w3c import NO_SPAN, NO_TRACE

_SINGLE = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?")
_TRACE = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
_SPAN = re.compile(r"[0-9a-f]{16}")

_SAMPLED = {"1": True, "d": True, "true": True, "0": False, "false": False}

_NAMES = frozenset(
    {b"b3", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid", b"x-b3-sampled", b"x-b3-flags"}
)


def read(fields: Fields) -> Parent | None:
    """The caller's span, from the single header if it is valid, else from the several."""
    return _single(fields) or _multi(fields)


def _single(fields: Fields) -> Parent | None:
    value = _text(fields, b"b3")
    if value in ("0", "1", "d"):
        return Parent("", "", _SAMPLED[value])
    match = _SINGLE.fullmatch(value)
    return _parent(match[1], match[2], _SAMPLED.get(match[3])) if match else None


def _multi(fields: Fields) -> Parent | None:
    sampled = _SAMPLED.get(_text(fields, b"x-b3-sampled"))
    if _text(fields, b"x-b3-flags") == "1":
        sampled = True
    trace, span = _text(fields, b"x-b3-traceid"), _text(fields, b"x-b3-spanid")
    if not trace and not span and sampled is not None:
        return Parent("", "", sampled)
    return _parent(trace, span, sampled) if _TRACE.fullmatch(trace) and _SPAN.fullmatch(span) else None


def _parent(trace: str, span: str, sampled: bool | None) -> Parent | None:
    trace = trace.rjust(32, "0")
    return None if trace == NO_TRACE or span == NO_SPAN else Parent(trace, span, sampled)


def _text(fields: Fields, name: bytes) -> str:
    return fields.get(name, b"").strip(b" \t").decode("latin-1").lower()


def write_single(span: SpanIds) -> bytes:
    """`b3` naming our CLIENT span and, as its parent, our SERVER span."""
    return f"b3: {span.trace}-{span.client}-{int(span.sampled)}-{span.server}\r\n".encode()


def write_multi(span: SpanIds) -> bytes:
    """The same as four headers."""
    return (
        f"x-b3-traceid: {span.trace}\r\nx-b3-spanid: {span.client}\r\n"
        f"x-b3-parentspanid: {span.server}\r\nx-b3-sampled: {int(span.sampled)}\r\n"
    ).encode()


# Whoever writes one form takes out both: the other one would still name the caller's span.
B3: Dialect = Dialect(_NAMES, read, _NAMES, write_single)
B3_MULTI: Dialect = Dialect(_NAMES, read, _NAMES, write_multi)
