"""JSON as it is, and as Python servers write it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codecs.json_text import parse
from sidecar.errors import Undecodable


def test_nan_and_infinity_as_python_writes_them() -> None:
    nan, high, low = parse(json.dumps([float("nan"), float("inf"), float("-inf")]).encode())
    assert math.isnan(nan)
    assert (high, low) == (math.inf, -math.inf)


def test_integers_are_alike_on_both_paths() -> None:
    digits = [0, -1, 2**53 + 1, 2**63, 10**19, -(10**19), 10**300]
    strict = parse(json.dumps(digits).encode())
    lenient = parse(json.dumps([*digits, math.nan]).encode())[:-1]
    assert (
        [float(value) for value in strict] == [float(value) for value in lenient] == list(map(float, digits))
    )
    assert all(abs(value) < 2**64 for value in (*strict, *lenient) if isinstance(value, int))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nan", b"[1,]", b"{'a': 1}", b"[1] 2", b'"\xff"', b"\xff\xfe[\x001\x00]\x00", b'["\\ud800"]',
        b'[NaN, "\\ud800"]', b"[NaN", b"[NaN] x", b"[NaN, \xff]", b"[" * 100_000, b"[" * 100_000 + b"NaN",
        b"[" + b"9" * 5000 + b", NaN]" + b"x",
    ],
)  # fmt: skip
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(Undecodable, match="not-json"):
        parse(body)


def test_a_number_beyond_all_floats() -> None:
    with pytest.raises(Undecodable, match="number-out-of-range"):
        parse(b"[1e400]")


@given(st.recursive(st.floats() | st.text() | st.booleans() | st.none(), st.lists))
def test_what_python_writes_is_read(value: object) -> None:
    assert json.dumps(parse(json.dumps(value).encode())) == json.dumps(value)
