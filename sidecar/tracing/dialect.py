"""What a way to write trace context in HTTP headers must offer; `w3c`, `b3` and `jaeger` each are one.

Names are header names in lower case. A dialect reads from `Fields`, where a header that was sent several
times stands once with its values joined by commas (RFC 9110, section 5.3): a second `traceparent` thus makes
the value invalid, which is what Trace Context asks for, and `tracestate` comes out combined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import msgspec

from sidecar.exchange import SpanIds

Fields: TypeAlias = dict[bytes, bytes]


class Parent(msgspec.Struct, frozen=True, gc=False):
    """The caller's span as it was told to us, ids in lower-case hex.

    `trace` is empty when the caller only said whether to sample. `sampled` is None when it left that to us.
    """

    trace: str
    span: str
    sampled: bool | None
    random: bool = False
    state: str = ""


class Dialect(NamedTuple):
    """One row of the table of dialects in `sidecar.tracing.context`."""

    names: frozenset[bytes]
    """Headers it reads."""
    read: Callable[[Fields], Parent | None]
    """The caller's span, or None where there is none or none that is valid. Never raises."""
    replaced: frozenset[bytes]
    """Headers of the caller that must not go on to the model, because `write` makes them anew."""
    write: Callable[[SpanIds], bytes]
    """Header lines for the model, each ending in CRLF."""
