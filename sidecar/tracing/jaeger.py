"""`uber-trace-id`, the trace context of Jaeger's own clients: `{trace}:{span}:{parent}:{flags}`.

Source: https://www.jaegertracing.io/sdk-migration/#propagation-format. Ids may come without their leading
zeros and the colons percent-encoded. Flag 1 is sampled, flag 2 debug, which counts as sampled. Jaeger's
baggage (`uberctx-*`) is not read; it goes through untouched.
"""

from __future__ import annotations

import re

from sidecar.exchange import SpanIds
from sidecar.tracing.dialect import Dialect, Fields, Parent
from sidecar.tracing.w3c import NO_SPAN, NO_TRACE

_UBER = re.compile(r"([0-9a-f]{1,32}):([0-9a-f]{1,16}):[0-9a-f]{1,16}:([0-9a-f]{1,2})")
_NAMES = frozenset({b"uber-trace-id"})


def read(fields: Fields) -> Parent | None:
    """The caller's span, or None."""
    value = fields.get(b"uber-trace-id")
    if value is None:
        return None
    match = _UBER.fullmatch(value.strip(b" \t").decode("latin-1").lower().replace("%3a", ":"))
    if match is None:
        return None
    trace, span = match[1].rjust(32, "0"), match[2].rjust(16, "0")
    return None if trace == NO_TRACE or span == NO_SPAN else Parent(trace, span, int(match[3], 16) & 3 != 0)


def write(span: SpanIds) -> bytes:
    """`uber-trace-id` naming our CLIENT span; the parent field is deprecated and always 0."""
    return f"uber-trace-id: {span.trace}:{span.client}:0:{int(span.sampled)}\r\n".encode()


JAEGER: Dialect = Dialect(_NAMES, read, _NAMES, write)
