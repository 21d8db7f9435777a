"""The functions in C against what they replace: the same numbers to the last bit, or `None`."""

from __future__ import annotations

import json
import struct
import sys

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.native import NATIVE, Steps, numbers

built = pytest.mark.skipif(not NATIVE, reason="sidecar/native is not built here: it takes a C compiler")

INF = float("inf")


def row(*texts: str) -> bytes:
    return b'{"instances": [[%b]]}' % ", ".join(texts).encode()


def read(text: str) -> float | None:
    """One number as it is read in C."""
    block = numbers(row(text), b"instances", 1)
    return None if block is None else struct.unpack("=d", block)[0]


def bits(value: float) -> bytes:
    return struct.pack("=d", value)


# -- numbers -----------------------------------------------------------------------------------------

digits = st.text("0123456789", min_size=1, max_size=22)
spelled = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    digits,
    st.one_of(st.just(""), digits.map(".{}".format)),
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from(["e", "E+", "e-"]), st.integers(0, 30))),
)


@built
@given(spelled)
@example("9007199254740993")  # halfway between two doubles
@example("9007199254740993.0000000001")
@example("0.000000000000000000000000000001")
@example("-0")
@example("-0.0")
@example("0e0")
@example("1e22")
@example("8.41470984807896506652")
def test_a_number_is_what_orjson_reads_or_left_to_it(text: str) -> None:
    found = read(text)
    if found is not None:
        assert bits(found) == bits(float(orjson.loads(text)))


@built
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
def test_rows_as_python_writes_them(values: list[float]) -> None:
    body = json.dumps({"instances": [values]}).encode()
    block = numbers(body, b"instances", len(values))
    if block is not None:  # tiny numbers are left alone
        assert block == np.array(values).tobytes()


@built
def test_what_most_rows_hold_is_read_here() -> None:
    for text in ("0", "17", "-3.25", "0.1", "1.5e3", "-0.8414709848078965", "12345678901234567", "5.9e-17"):
        assert read(text) == float(text)


@built
@pytest.mark.parametrize(
    "text",
    [
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e+",
        "-",
        "",
        "NaN",
        "Infinity",
        "null",
        "true",
        '"1"',
        "[1]",
        "0x1",
        "1e400",
    ],
)
def test_what_is_no_plain_number_is_left_alone(text: str) -> None:
    assert read(text) is None


@built
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"instances": [[1.5',
        b'{"instances": [[1.5]]',
        b'{"instances": [[1.5]]}x',
        b'{"instances": [[1.5]]}\0',
        b'{"instances": [[1.5,]]}',
        b'{"instances": [[1.5], [2]]}',
        b'{"instances": [[1.5, 2]]}',
        b'{"instances": [1.5]}',
        b'{"instances": [[]]}',
        b'{"instances": [[1.5]], "parameters": {}}',
        b'{"instance": [[1.5]]}',
        b'{"instancesx": [[1.5]]}',
        b'{"inst\\u0061nces": [[1.5]]}',
        b'[{"instances": [[1.5]]}]',
        b"\xef\xbb\xbf" + row("1.5"),
    ],
)
def test_any_other_body_is_left_alone(body: bytes) -> None:
    assert numbers(body, b"instances", 1) is None


@built
def test_blanks_may_stand_where_json_has_them() -> None:
    body = b'\t{ "instances"\n:\r[ [ 1 ,2.5 ] ] } \n'
    assert numbers(body, b"instances", 2) == struct.pack("=2d", 1.0, 2.5)


@built
@pytest.mark.parametrize("width", [-1, 0, 2, 1 << 40, sys.maxsize])
def test_rows_of_another_width_are_left_alone(width: int) -> None:
    assert numbers(row("1.5"), b"instances", width) is None


@built
def test_every_cut_of_a_body_is_left_alone() -> None:
    body = row("1.5", "-2e3", "0.25")
    assert [numbers(body[:at], b"instances", 3) for at in range(len(body))] == [None] * len(body)


@built
@pytest.mark.parametrize("given", [(), (b"",), ("{}", b"k", 1), (b"{}", "k", 1), (b"{}", b"k", 1.0)])
def test_other_arguments_are_refused(given: tuple[object, ...]) -> None:
    with pytest.raises(TypeError, match="numbers"):
        numbers(*given)  # type: ignore[arg-type]


# -- steps -------------------------------------------------------------------------------------------


def two_columns() -> Steps:
    cuts = np.array([1.0, 2.0, INF, 5.0, INF])
    return Steps(cuts, np.array([1, 2, 3, 4, 5, 0, 10, 20, 30, 0], dtype=float), np.array([2, 4]))


@built
@pytest.mark.parametrize(
    ("x", "y", "total"),
    [(0, 0, 11), (1, 5, 22), (1.5, 5, 23), (2, 6, 34), (3, 9, 35), (INF, -INF, 10), (-INF, INF, 1)],
)
def test_a_value_takes_the_height_of_its_step(x: float, y: float, total: float) -> None:
    assert two_columns().score(struct.pack("=2d", x, y)) == total


@built
def test_not_a_number_stays_within_the_arrays() -> None:
    assert two_columns().score(struct.pack("=2d", float("nan"), 0)) == 11


@built
@pytest.mark.parametrize("row", [b"", b"x" * 15, b"x" * 24, np.zeros(2), bytearray(16)])
def test_a_row_of_another_size_or_kind_is_refused(row: object) -> None:
    with pytest.raises(ValueError, match="a block of 2 float64"):
        two_columns().score(row)  # type: ignore[arg-type]


@built
@pytest.mark.parametrize(
    ("cuts", "heights", "ends"),
    [
        ([1.0, 2.0], [0.0] * 4, [1]),  # no infinity at the end
        ([1.0, INF], [0.0] * 3, [1]),
        ([1.0, INF], [0.0] * 4, [0]),
        ([1.0, INF], [0.0] * 4, [2]),
        ([1.0, INF], [0.0] * 4, [-1, 1]),
        ([1.0, INF, INF], [0.0] * 6, [2, 1]),
        ([INF], [0.0] * 2, []),
    ],
)
def test_arrays_that_do_not_fit_are_refused(cuts: list[float], heights: list[float], ends: list[int]) -> None:
    with pytest.raises(ValueError, match="must end in infinity"):
        Steps(np.array(cuts), np.array(heights), np.array(ends, dtype=np.int64))


@built
def test_arrays_of_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="float64 cuts"):
        Steps(np.array([INF], dtype=np.float32), np.zeros(2), np.array([0]))
