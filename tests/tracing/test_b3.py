"""B3, single and multi header: what is read, and what is written when OTEL_PROPAGATORS asks."""

from __future__ import annotations

import pytest

from sidecar.exchange import SpanIds
from sidecar.tracing import b3
from sidecar.tracing.dialect import Fields, Parent

TRACE = "80f198ee56343ba864fe8b2a57d3eff7"
SHORT = "64fe8b2a57d3eff7"
SPAN = "e457b5a2e4d86bd1"
OURS = SpanIds(TRACE, "a" * 16, "b" * 16, sampled=True)


@pytest.mark.parametrize(
    ("value", "parent"),
    [
        (f"{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90", Parent(TRACE, SPAN, True)),
        (f"{TRACE}-{SPAN}-1", Parent(TRACE, SPAN, True)),
        (f"{TRACE}-{SPAN}-d", Parent(TRACE, SPAN, True)),
        (f"{TRACE}-{SPAN}-0", Parent(TRACE, SPAN, False)),
        (f"{TRACE}-{SPAN}", Parent(TRACE, SPAN, None)),
        (f"{SHORT}-{SPAN}-1", Parent("0" * 16 + SHORT, SPAN, True)),
        (f" {TRACE.upper()}-{SPAN.upper()}-1\t", Parent(TRACE, SPAN, True)),
        ("0", Parent("", "", False)),
        ("1", Parent("", "", True)),
        ("d", Parent("", "", True)),
        (f"{'0' * 32}-{SPAN}-1", None),
        (f"{TRACE}-{'0' * 16}-1", None),
        (f"{TRACE}-{SPAN}-2", None),
        (f"{TRACE}-{SPAN}-1-", None),
        (f"{TRACE[1:]}-{SPAN}-1", None),
        (f"{TRACE}-{SPAN}-1,{TRACE}-{SPAN}-1", None),
        ("", None),
    ],
)
def test_single(value: str, parent: Parent | None) -> None:
    assert b3.read({b"b3": value.encode()}) == parent


IDS = {b"x-b3-traceid": TRACE.encode(), b"x-b3-spanid": SPAN.encode()}


@pytest.mark.parametrize(
    ("fields", "parent"),
    [
        (IDS, Parent(TRACE, SPAN, None)),
        (IDS | {b"x-b3-sampled": b"1"}, Parent(TRACE, SPAN, True)),
        (IDS | {b"x-b3-sampled": b"true"}, Parent(TRACE, SPAN, True)),
        (IDS | {b"x-b3-sampled": b"0"}, Parent(TRACE, SPAN, False)),
        (IDS | {b"x-b3-flags": b"1"}, Parent(TRACE, SPAN, True)),
        (IDS | {b"x-b3-flags": b"0"}, Parent(TRACE, SPAN, None)),
        (IDS | {b"x-b3-traceid": SHORT.encode()}, Parent("0" * 16 + SHORT, SPAN, None)),
        ({b"x-b3-sampled": b"0"}, Parent("", "", False)),
        ({b"x-b3-traceid": TRACE.encode()}, None),
        (IDS | {b"x-b3-spanid": b"nonsense"}, None),
        (IDS | {b"x-b3-traceid": b"0" * 16}, None),
        ({}, None),
    ],
)
def test_multi(fields: Fields, parent: Parent | None) -> None:
    assert b3.read(fields) == parent


def test_the_single_header_comes_first() -> None:
    assert b3.read(IDS | {b"b3": b"0"}) == Parent("", "", False)
    assert b3.read(IDS | {b"b3": b"nonsense"}) == Parent(TRACE, SPAN, None)


def test_what_is_written_can_be_read() -> None:
    single = b3.write_single(OURS)
    assert single == f"b3: {TRACE}-{'b' * 16}-1-{'a' * 16}\r\n".encode()
    lines = b3.write_multi(OURS).removesuffix(b"\r\n").split(b"\r\n")
    fields = dict(line.split(b": ") for line in lines)
    assert fields[b"x-b3-parentspanid"] == b"a" * 16
    assert b3.read(fields) == b3.read({b"b3": single[4:-2]}) == Parent(TRACE, "b" * 16, True)
