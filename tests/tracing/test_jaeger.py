"""`uber-trace-id`: what is read, and what is written when OTEL_PROPAGATORS asks."""

from __future__ import annotations

import pytest

from sidecar.exchange import SpanIds
from sidecar.tracing import jaeger
from sidecar.tracing.dialect import Parent

TRACE = "80f198ee56343ba864fe8b2a57d3eff7"
SPAN = "e457b5a2e4d86bd1"


@pytest.mark.parametrize(
    ("value", "parent"),
    [
        (f"{TRACE}:{SPAN}:0:1", Parent(TRACE, SPAN, True)),
        (f"{TRACE}:{SPAN}:05e3ac9a4f6e3b90:0", Parent(TRACE, SPAN, False)),
        (f"{TRACE}:{SPAN}:0:2", Parent(TRACE, SPAN, True)),
        (f"{TRACE}:{SPAN}:0:03", Parent(TRACE, SPAN, True)),
        (f"{TRACE}:{SPAN}:0:4", Parent(TRACE, SPAN, False)),
        (f"{TRACE}%3A{SPAN}%3a0%3A1", Parent(TRACE, SPAN, True)),
        ("ab:c:0:1", Parent("0" * 30 + "ab", "0" * 15 + "c", True)),
        (f" {TRACE.upper()}:{SPAN}:0:1 ", Parent(TRACE, SPAN, True)),
        (f"0:{SPAN}:0:1", None),
        (f"{TRACE}:0:0:1", None),
        (f"{TRACE}:{SPAN}:0", None),
        (f"{TRACE}0:{SPAN}:0:1", None),
        (f"{TRACE}:{SPAN}:0:1,{TRACE}:{SPAN}:0:1", None),
        ("", None),
    ],
)
def test_read(value: str, parent: Parent | None) -> None:
    assert jaeger.read({b"uber-trace-id": value.encode()}) == parent


def test_what_is_written_can_be_read() -> None:
    line = jaeger.write(SpanIds(TRACE, "a" * 16, "b" * 16, sampled=True))
    assert line == f"uber-trace-id: {TRACE}:{'b' * 16}:0:1\r\n".encode()
    assert jaeger.read({b"uber-trace-id": line[15:-2]}) == Parent(TRACE, "b" * 16, True)
