"""W3C Trace Context, level 1 and 2: `traceparent`, `tracestate` and `traceresponse`.

Source: https://www.w3.org/TR/trace-context-2/ and the W3C's own list of test cases (trace-context,
test/test.py), which `tests/tracing/test_w3c.py` walks through.
"""

from __future__ import annotations

import re

from sidecar.exchange import SpanIds
from sidecar.tracing.dialect import Dialect, Fields, Parent

NO_TRACE = "0" * 32
NO_SPAN = "0" * 16

FLAGS = ("00", "01", "02", "03")
"""By `sampled + 2 * random`: the only two bits that level 2 defines; a sender must leave the rest zero."""

MAX_MEMBERS = 32
MAX_STATE = 512
"""Characters of `tracestate` that every participant should pass on; we pass on no more, so that memory is
bounded."""
MAX_KEPT_MEMBER = 128
"""When `tracestate` is too long, members over this many characters go first."""

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)

# Level 1 gives a key with a tenant (`tenant@system`) its own lengths; level 2 lets a plain key begin with a
# digit. Both are honoured: what either level calls a key, and the W3C's test cases call one, is one.
_KEY = r"[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(f"({_KEY})={_VALUE}").fullmatch


def read(fields: Fields) -> Parent | None:
    """The span that `traceparent` names; `tracestate` is looked at only when that is valid."""
    value = fields.get(b"traceparent", b"")
    match = _TRACEPARENT.fullmatch(value.strip(b" \t").decode("latin-1"))
    if match is None:
        return None
    version, trace, span, flags, rest = match.groups()
    # Version 00 ends with the flags; a later one may go on after a dash; ff will never be a version.
    if version == "ff" or (version == "00" and rest is not None) or trace == NO_TRACE or span == NO_SPAN:
        return None
    bits = int(flags, 16)
    state = fields.get(b"tracestate")
    return Parent(trace, span, bits & 1 == 1, bits & 2 == 2, tracestate(state) if state else "")


def tracestate(value: bytes) -> str:
    """The members of `value`, comma-separated without spaces; empty when any of them is invalid.

    One invalid or repeated member spoils the list: that is how the W3C's test cases want it, and half a
    list would tell other tracing systems something that nobody wrote.
    """
    members: dict[str, str] = {}
    count = 0
    for part in value.decode("latin-1").split(","):
        if member := part.strip(" \t"):
            match = _MEMBER(member)
            if match is None:
                return ""
            members[match[1]] = member
            count += 1
    if len(members) < count or count > MAX_MEMBERS:
        return ""
    state = ",".join(members.values())
    return state if len(state) <= MAX_STATE else _shortened(list(members.values()))


def _shortened(members: list[str]) -> str:
    """Whole members within `MAX_STATE`: long ones are dropped first, then from the end."""
    length = sum(map(len, members)) + len(members) - 1
    for long_ones_only in (True, False):
        for at in range(len(members) - 1, -1, -1):
            if length > MAX_STATE and (not long_ones_only or len(members[at]) > MAX_KEPT_MEMBER):
                length -= len(members.pop(at)) + 1
    return ",".join(members)


def write(span: SpanIds) -> bytes:
    """`traceparent` naming our CLIENT span, and `tracestate` when there is one."""
    flags = FLAGS[span.sampled + 2 * span.random]
    if span.state:
        return f"traceparent: 00-{span.trace}-{span.client}-{flags}\r\ntracestate: {span.state}\r\n".encode()
    return f"traceparent: 00-{span.trace}-{span.client}-{flags}\r\n".encode()


def traceresponse(span: SpanIds) -> bytes:
    """The value of the response header `traceresponse`: our SERVER span, for the caller."""
    return f"00-{span.trace}-{span.server}-{FLAGS[span.sampled + 2 * span.random]}".encode()


TRACECONTEXT: Dialect = Dialect(
    names=frozenset({b"traceparent", b"tracestate"}),
    read=read,
    replaced=frozenset({b"traceparent", b"tracestate"}),
    write=write,
)
