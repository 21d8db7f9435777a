"""Trace Context: every case of the W3C's test suite, and the limits it leaves out.

The case names are those of https://github.com/w3c/trace-context/blob/main/test/test.py, which drives a
service from outside; here the same headers go through `join` and `outbound`.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.exchange import Headers, SpanIds
from sidecar.tracing.context import Propagation
from sidecar.tracing.sampling import sampler
from sidecar.tracing.w3c import traceresponse, tracestate

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"
VALID = f"00-{TRACE}-{SPAN}-01"

TRACEPARENT = re.compile(rb"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-0([0-3])\r\n")


def headers(*pairs: tuple[str, str]) -> Headers:
    return tuple((name.encode(), value.encode("latin-1")) for name, value in pairs)


def sent(*pairs: tuple[str, str]) -> tuple[str, str, str | None]:
    """What the model gets when the caller sent `pairs`: trace id, parent id, tracestate."""
    propagation = Propagation(sampler(0.0, {}))
    lines = propagation.outbound(propagation.join(headers(*pairs)))
    match = TRACEPARENT.match(lines)
    assert match, lines
    rest = lines[match.end() :].decode()
    assert re.fullmatch(r"(tracestate: [^\r\n]+\r\n)?", rest)
    return (
        match[1].decode(),
        match[2].decode(),
        rest.removeprefix("tracestate: ").removesuffix("\r\n") or None,
    )


def state(*values: str) -> str | None:
    trace, _, state = sent(("traceparent", VALID), *(("tracestate", value) for value in values))
    assert trace == TRACE
    return state


class TestTraceparent:
    def test_both_traceparent_and_tracestate_missing(self) -> None:
        trace, parent, state = sent()
        assert int(trace, 16)
        assert int(parent, 16)
        assert state is None

    def test_traceparent_included_tracestate_missing(self) -> None:
        trace, parent, state = sent(("traceparent", VALID))
        assert trace == TRACE
        assert parent != SPAN
        assert state is None

    def test_traceparent_duplicated(self) -> None:
        other = f"00-12345678901234567890123456789011-{SPAN}-01"
        assert sent(("traceparent", other), ("traceparent", VALID))[0] not in (TRACE, other[3:35])
        assert sent(("traceparent", VALID), ("Traceparent", VALID))[0] != TRACE

    @pytest.mark.parametrize("name", ["trace-parent", "trace.parent"])
    def test_traceparent_header_name(self, name: str) -> None:
        assert sent((name, VALID))[0] != TRACE

    @pytest.mark.parametrize("name", ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"])
    def test_traceparent_header_name_valid_casing(self, name: str) -> None:
        assert sent((name, VALID))[0] == TRACE

    @pytest.mark.parametrize(
        "value",
        [
            f"cc-{TRACE}-{SPAN}-01",
            f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
            f"01-{TRACE}-{SPAN}-01-",
            # ows_handling
            f" {VALID}",
            f"\t{VALID}",
            f"{VALID} ",
            f"{VALID}\t",
            f"\t {VALID} \t",
        ],
    )
    def test_valid(self, value: str) -> None:
        trace, parent, _ = sent(("traceparent", value))
        assert trace == TRACE
        assert parent != SPAN

    @pytest.mark.parametrize(
        "value",
        [
            # version_0x00
            f"00-{TRACE}-{SPAN}-01.",
            f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
            # version_0xcc, version_0xff
            f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
            f"ff-{TRACE}-{SPAN}-01",
            # version_illegal_characters, version_too_long, version_too_short
            f".0-{TRACE}-{SPAN}-01",
            f"0.-{TRACE}-{SPAN}-01",
            f"CC-{TRACE}-{SPAN}-01",
            f"000-{TRACE}-{SPAN}-01",
            f"0000-{TRACE}-{SPAN}-01",
            f"0-{TRACE}-{SPAN}-01",
            # trace_id_all_zero, _illegal_characters, _too_long, _too_short
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-.{TRACE[1:]}-{SPAN}-01",
            f"00-{TRACE[:-1]}.-{SPAN}-01",
            f"00-{TRACE[:-1]}A-{SPAN}-01",
            f"00-{TRACE}3-{SPAN}-01",
            f"00-{TRACE[:-1]}-{SPAN}-01",
            # parent_id_all_zero, _illegal_characters, _too_long, _too_short
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE}-.{SPAN[1:]}-01",
            f"00-{TRACE}-{SPAN[:-1]}.-01",
            f"00-{TRACE}-{SPAN[:-1]}F-01",
            f"00-{TRACE}-{SPAN}7-01",
            f"00-{TRACE}-{SPAN[:-1]}-01",
            # trace_flags_illegal_characters, _too_long, _too_short
            f"00-{TRACE}-{SPAN}-.0",
            f"00-{TRACE}-{SPAN}-0.",
            f"00-{TRACE}-{SPAN}-0A",
            f"00-{TRACE}-{SPAN}-001",
            f"00-{TRACE}-{SPAN}-1",
            f"00-{TRACE}-{SPAN}",
            "",
        ],
    )
    def test_invalid_starts_a_new_trace_and_drops_tracestate(self, value: str) -> None:
        trace, _, state = sent(("traceparent", value), ("tracestate", "foo=1"))
        assert trace not in value
        assert trace != TRACE
        assert state is None

    def test_every_call_has_a_parent_id_of_its_own(self) -> None:
        spans = [sent(("traceparent", VALID)) for _ in range(3)]
        assert {trace for trace, _, _ in spans} == {TRACE}
        assert len({parent for _, parent, _ in spans}) == 3


class TestTracestate:
    def test_tracestate_included_traceparent_missing(self) -> None:
        assert sent(("tracestate", "foo=1"))[2] is None

    def test_tracestate_included_traceparent_included(self) -> None:
        assert state("foo=1,bar=2") == "foo=1,bar=2"

    @pytest.mark.parametrize("name", ["trace-state", "trace.state"])
    def test_tracestate_header_name(self, name: str) -> None:
        assert sent(("traceparent", VALID), (name, "foo=1"))[2] is None

    @pytest.mark.parametrize("name", ["TraceState", "TrAcEsTaTe", "TRACESTATE"])
    def test_tracestate_header_name_valid_casing(self, name: str) -> None:
        assert sent(("traceparent", VALID), (name, "foo=1"))[2] == "foo=1"

    def test_tracestate_empty_header(self) -> None:
        assert state("") is None
        assert state("foo=1", "") == "foo=1"
        assert state("", "foo=1") == "foo=1"
        assert state("foo=1,,bar=2,") == "foo=1,bar=2"

    def test_tracestate_multiple_headers_different_keys(self) -> None:
        assert state("foo=1,bar=2", "rojo=1,congo=2", "baz=3") == "foo=1,bar=2,rojo=1,congo=2,baz=3"

    @pytest.mark.parametrize(
        "values", [["foo=1,foo=1"], ["foo=1,foo=2"], ["foo=1", "foo=1"], ["foo=1", "foo=2"]]
    )
    def test_tracestate_duplicated_keys(self, values: list[str]) -> None:
        assert state(*values) is None

    @pytest.mark.parametrize("tenant", ["", "@a-z0-9_-*/"])
    def test_tracestate_all_allowed_characters(self, tenant: str) -> None:
        key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/" + tenant
        value = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
        assert state(f"{key}={value}") == f"{key}={value}"

    def test_tracestate_ows_handling(self) -> None:
        assert state("foo=1 \t , \t bar=2, \t baz=3") == "foo=1,bar=2,baz=3"
        assert state("foo=1\t \t,\t \tbar=2,\t \tbaz=3") == "foo=1,bar=2,baz=3"
        for value in (" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"):
            assert state(value) == "foo=1"

    def test_leading_spaces_belong_to_the_value(self) -> None:
        assert state("foo=  1 ") == "foo=  1"

    @pytest.mark.parametrize(
        "value",
        [
            # key_illegal_characters
            "foo =1",
            "FOO=1",
            "foo.bar=1",
            # key_illegal_vendor_format
            "foo@=1,bar=2",
            "@foo=1,bar=2",
            "foo@@bar=1,bar=2",
            "foo@bar@baz=1,bar=2",
            # value_illegal_characters
            "foo=bar=baz",
            "foo=,bar=3",
            "foo,bar=3",
            "foo=b\x7fr",
            "foo=b\xe4r",
        ],
    )
    def test_one_invalid_member_spoils_the_list(self, value: str) -> None:
        assert state(value) is None

    def test_tracestate_member_count_limit(self) -> None:
        members = [f"bar{n:02}={n:02}" for n in range(1, 34)]
        assert state(*members[:32]) == ",".join(members[:32])
        assert state(*members) is None

    @pytest.mark.parametrize(
        ("key", "kept"),
        [
            ("z" * 256, True),
            ("z" * 257, False),
            ("t" * 241 + "@" + "v" * 14, True),
            ("t" * 242 + "@v", False),
            ("t@" + "v" * 15, False),
            # Level 2 lets a plain key begin with a digit.
            ("1z", True),
        ],
    )
    def test_tracestate_key_length_limit(self, key: str, kept: bool) -> None:
        assert state("foo=1", f"{key}=1") == (f"foo=1,{key}=1" if kept else None)

    def test_a_value_has_up_to_256_characters(self) -> None:
        assert state("foo=" + "v" * 256) == "foo=" + "v" * 256
        assert state("foo=" + "v" * 257) is None

    def test_512_characters_pass_whole(self) -> None:
        members = ",".join(f"k{n}=" + "v" * 59 for n in range(8))
        assert len(members) == 8 * 62 + 7
        padded = members + "v" * (512 - len(members))
        assert state(padded) == padded

    def test_beyond_512_long_members_go_first_then_the_last(self) -> None:
        short = [f"k{n:02}=" + "v" * 60 for n in range(9)]
        long = "long=" + "v" * 200
        assert state(",".join([short[0], long, *short[1:4]])) == ",".join([short[0], long, *short[1:4]])
        assert state(",".join([long, *short[:7]])) == ",".join(short[:7])
        assert state(",".join(short)) == ",".join(short[:7])


class TestFlags:
    @pytest.mark.parametrize(
        ("flags", "passed_on"),
        [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("ff", 3), ("fc", 0), ("09", 1)],
    )
    @pytest.mark.parametrize("version", ["00", "cc"])
    def test_sampled_and_random_go_on_and_unknown_bits_do_not(
        self, flags: str, passed_on: int, version: str
    ) -> None:
        propagation = Propagation(sampler(0.5, {}))
        span = propagation.join(headers(("traceparent", f"{version}-{TRACE}-{SPAN}-{flags}")))
        assert (span.sampled, span.random) == (passed_on & 1 == 1, passed_on & 2 == 2)
        assert propagation.outbound(span).endswith(b"-0%d\r\n" % passed_on)

    def test_a_trace_started_here_is_random(self) -> None:
        assert Propagation(sampler(0.0, {})).join(()).random
        propagation = Propagation(sampler(1.0, {}))
        assert propagation.outbound(propagation.join(())).endswith(b"-03\r\n")


def test_traceresponse_names_the_server_span() -> None:
    span = SpanIds(TRACE, "a" * 16, "b" * 16, sampled=True)
    assert traceresponse(span) == f"00-{TRACE}-{'a' * 16}-01".encode()


@given(st.binary(max_size=600))
def test_tracestate_never_raises_and_never_grows(value: bytes) -> None:
    out = tracestate(value)
    assert len(out) <= min(len(value), 512)
    assert out == "" or tracestate(out.encode()) == out


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,9}=[!-+\--<>-~]{1,150}", fullmatch=True), max_size=34))
def test_valid_members_stay_in_order(members: list[str]) -> None:
    out = tracestate(",".join(members).encode())
    kept = out.split(",") if out else []
    assert kept == [member for member in members if member in kept]
    keys = [member.partition("=")[0] for member in members]
    if len(set(keys)) == len(keys) <= 32 and len(",".join(members)) <= 512:
        assert kept == members
