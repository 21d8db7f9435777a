"""Joining a trace: which dialect wins, what goes on, what the operator may choose; no bytes break it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.exchange import Headers
from sidecar.settings import Settings
from sidecar.tracing.context import MAX_BAGGAGE, Propagation, propagation
from sidecar.tracing.sampling import sampler

W3C, B3, JAEGER = "1" * 32, "2" * 32, "3" * 32
SPAN = "e457b5a2e4d86bd1"

TRACEPARENT = (b"traceparent", f"00-{W3C}-{SPAN}-01".encode())
TRACESTATE = (b"tracestate", b"foo=1")
SINGLE = (b"b3", f"{B3}-{SPAN}-1".encode())
MULTI: Headers = ((b"X-B3-TraceId", B3.encode()), (b"X-B3-SpanId", SPAN.encode()))
UBER = (b"uber-trace-id", f"{JAEGER}:{SPAN}:0:1".encode())

SETTINGS = Settings(upstream="http://127.0.0.1:1", trace_ratio=0.0)


def ours(**environ: str) -> Propagation:
    return propagation(SETTINGS, environ)


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ((UBER, SINGLE, TRACEPARENT), W3C),
        ((UBER, SINGLE), B3),
        ((UBER, *MULTI), B3),
        ((UBER,), JAEGER),
        (((b"traceparent", b"nonsense"), UBER), JAEGER),
    ],
)
def test_the_first_valid_dialect_wins(headers: Headers, trace: str) -> None:
    span = ours().join(headers)
    assert (span.trace, span.parent, span.state) == (trace, SPAN, "")


def test_a_call_has_two_spans_of_its_own() -> None:
    span = ours().join((TRACEPARENT,))
    assert len({span.parent, span.server, span.client}) == 3
    assert {len(span.server), len(span.client)} == {16}


def test_no_context_starts_a_trace() -> None:
    first, second = ours().join(()), ours().join(((b"host", b"model"),))
    assert first.parent == second.parent == ""
    assert len({first.trace, second.trace}) == 2
    assert re.fullmatch("[0-9a-f]{32}", first.trace)


def test_b3_may_decide_without_naming_a_trace() -> None:
    always = Propagation(sampler(1.0, {}))
    span = always.join(((b"b3", b"0"), (b"baggage", b"a=1")))
    assert (span.parent, span.sampled, span.random, span.baggage) == ("", False, True, "a=1")
    assert len(span.trace) == 32


def test_b3_may_leave_the_decision_to_us() -> None:
    assert Propagation(sampler(1.0, {})).join(MULTI).sampled
    assert not Propagation(sampler(0.0, {})).join(MULTI).sampled


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True)])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_the_callers_sampled_flag_is_never_flipped(flags: str, sampled: bool, ratio: float) -> None:
    head = Propagation(sampler(ratio, {}))
    span = head.join(((b"traceparent", f"00-{W3C}-{SPAN}-{flags}".encode()),))
    assert span.sampled is sampled
    assert head.outbound(span).endswith(f"-{flags}\r\n".encode())


def test_an_operator_may_overrule_the_caller_by_name() -> None:
    head = ours(OTEL_TRACES_SAMPLER="always_off")
    assert not head.join((TRACEPARENT,)).sampled


def test_baggage_is_noted_and_left_to_the_proxy() -> None:
    head = ours()
    span = head.join(((b"baggage", b"a=1"), TRACEPARENT, (b"Baggage", b"b=2")))
    assert span.baggage == "a=1,b=2"
    assert b"baggage" in head.dropped
    assert b"baggage: a=1,b=2,sidecar.chain=sidecar\r\n" in head.outbound(span)
    assert head.join(((b"baggage", b"a=" + b"1" * (MAX_BAGGAGE - 1)),)).baggage == ""


def test_by_default_the_model_is_told_in_w3c_only() -> None:
    head = ours()
    span = head.join((SINGLE, TRACESTATE))
    chain = "baggage: sidecar.chain=sidecar"
    assert head.outbound(span) == f"traceparent: 00-{B3}-{span.client}-01\r\n{chain}\r\n".encode()
    assert head.dropped == {b"traceparent", b"tracestate", b"baggage"}


@pytest.mark.parametrize(
    ("names", "lines", "dropped"),
    [
        ("tracecontext,baggage", [b"traceparent", b"baggage"], {b"traceparent", b"tracestate"}),
        ("b3", [b"b3"], {b"b3", b"x-b3-traceid", b"x-b3-sampled"}),
        ("b3multi", [b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid", b"x-b3-sampled"], {b"b3"}),
        ("jaeger", [b"uber-trace-id"], {b"uber-trace-id"}),
        (
            "jaeger, TraceContext,jaeger",
            [b"uber-trace-id", b"traceparent"],
            {b"tracestate", b"uber-trace-id"},
        ),
        ("none", [], set()),
    ],
)
def test_otel_propagators_says_what_is_written(names: str, lines: list[bytes], dropped: set[bytes]) -> None:
    head = ours(OTEL_PROPAGATORS=names)
    written = head.outbound(head.join(()))
    assert [line.split(b": ")[0] for line in written.split(b"\r\n")[:-1]] == lines
    assert dropped <= head.dropped
    assert bool(dropped) == bool(head.dropped)


@pytest.mark.parametrize(
    ("names", "trace"),
    [("tracecontext", W3C), ("b3", B3), ("b3multi", B3), ("jaeger", JAEGER), ("jaeger,tracecontext", JAEGER)],
)
def test_otel_propagators_says_what_is_read(names: str, trace: str) -> None:
    assert ours(OTEL_PROPAGATORS=names).join((TRACEPARENT, *MULTI, UBER)).trace == trace


def test_none_reads_nothing() -> None:
    span = ours(OTEL_PROPAGATORS="none").join((TRACEPARENT, SINGLE, UBER))
    assert span.trace not in (W3C, B3, JAEGER)
    assert span.parent == ""


def test_an_unknown_propagator_is_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        head = ours(OTEL_PROPAGATORS="xray,tracecontext")
    assert "OTEL_PROPAGATORS: xray ignored: use tracecontext, baggage, b3" in caplog.text
    assert head.join((TRACEPARENT,)).trace == W3C


NAMES = st.sampled_from(
    b"traceparent TraceState baggage b3 x-b3-traceid X-B3-SpanId x-b3-sampled x-b3-flags uber-trace-id"
    b"".split()
)
HEX = st.sampled_from(list("0123456789abcdefABCDEF-:=, \r\n")).map(lambda text: text.encode())
VALUES = st.binary(max_size=80) | st.lists(HEX, max_size=80).map(b"".join)


@given(st.lists(st.tuples(NAMES | st.binary(max_size=12), VALUES), max_size=8).map(tuple))
@pytest.mark.parametrize("names", ["", "tracecontext,baggage,b3,b3multi,jaeger"])
def test_no_bytes_break_it(names: str, headers: Headers) -> None:
    head = ours(OTEL_PROPAGATORS=names)
    span = head.join(headers)
    assert re.fullmatch("[0-9a-f]{32}", span.trace)
    assert int(span.trace, 16)
    lines = head.outbound(span)
    # Nothing that a caller sends can start a header line of its own.
    assert all(
        re.fullmatch(rb"[a-z0-9-]+: [\x20-\x7e\xa0-\xff]+", line) for line in lines.split(b"\r\n")[:-1]
    )
    assert lines.endswith(b"\r\n")


def test_the_data_plane_never_loads_the_sdk() -> None:
    code = "import sys, sidecar.tracing.context; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "sidecar.tracing.w3c" in loaded
    assert "opentelemetry" not in loaded
