"""The npy format against numpy's own writer, in every version, order and type."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sidecar.codecs.npy import read
from sidecar.errors import Undecodable
from tests.codecs.samples import saved


def refused(body: bytes) -> str:
    with pytest.raises(Undecodable) as error:
        read((), body)
    return str(error.value)


@given(
    arrays.arrays(
        st.one_of(
            arrays.boolean_dtypes(),
            arrays.integer_dtypes(endianness="?"),
            arrays.unsigned_integer_dtypes(endianness="?"),
            arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
        ),
        arrays.array_shapes(min_dims=2, max_dims=5),
    )
)
def test_what_numpy_saves_is_read(array: np.ndarray) -> None:
    for form in (array, np.asfortranarray(array)):
        (tensor,) = read((), saved(form))
        assert tensor.data.dtype == array.dtype
        np.testing.assert_array_equal(tensor.data, array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_header(version: tuple[int, int]) -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.eye(3), version=version, allow_pickle=False)
    assert read((), file.getvalue())[0].data.tolist() == np.eye(3).tolist()


def test_a_header_by_another_writer() -> None:
    header = b'{"shape": (1, 2),"fortran_order":False ,"descr":"<i2"}'
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x01\x00\x02\x00"
    assert read((), body)[0].data.tolist() == [[1, 2]]


def test_a_vector_is_one_row_and_a_scalar_too() -> None:
    assert read((), saved(np.arange(3)))[0].data.tolist() == [[0, 1, 2]]
    assert read((), saved(np.float32(0.5)))[0].data.tolist() == [[0.5]]


def test_text() -> None:
    for array in (np.array([["é", "long one"]]), np.array([[b"a", b"bc"]])):
        (tensor,) = read((), saved(array))
        assert tensor.data.dtype == object
        assert tensor.data.tolist() == [
            [cell if isinstance(cell, str) else cell.decode() for cell in array[0]]
        ]


def test_objects_are_a_pickle_and_are_refused() -> None:
    file = io.BytesIO()
    np.save(file, np.array([[{"a": 1}]], dtype=object), allow_pickle=True)
    assert refused(file.getvalue()) == "npy-dtype:|O"


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 2), dtype=complex), "npy-dtype:<c16"),
        (np.zeros((2, 2), dtype="datetime64[s]"), "npy-dtype:<M8[s]"),
        (np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]), "npy-dtype:structured"),
        (np.zeros((2, 2), dtype="V3"), "npy-dtype:|V3"),
        (np.zeros((0, 2)), "no-rows"),
        (np.zeros((2, 0)), "malformed-npy"),
        (np.zeros((1,) * 9), "malformed-npy"),
    ],
)
def test_arrays_with_no_place(array: np.ndarray, said: str) -> None:
    assert refused(saved(array)) == said


def forged(shape: bytes, descr: bytes = b"<f8") -> bytes:
    header = b"{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (descr, shape)
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(16)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (forged(b"1000000000, 1000000000"), "truncated"),
        (forged(b"9" * 100), "malformed-npy"),
        (forged(b"4294967295, " * 8), "truncated"),
        (forged(b"1, 1"), "trailing-bytes"),
        (forged(b"-1, 2"), "malformed-npy"),
        (forged(b"__import__('os')"), "malformed-npy"),
        (forged(b"1, 2", b"<f3"), "npy-dtype:<f3"),
        (forged(b"1, 1", b"<U9999999"), "truncated"),
        (forged(b"1, 1", b"<U999999999"), "npy-dtype:<U999999999"),
        (forged(b"1, 1", b"<U0"), "npy-dtype:<U0"),
        (b"\x93NUMPY\x09\x00\x01\x00", "npy-version:9"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "malformed-npy"),
        (b"PK\x03\x04", "not-npy"),
        (b"\x93NUM", "truncated"),
    ],
)
def test_forged(body: bytes, said: str) -> None:
    assert refused(body) == said


def test_text_that_no_one_could_write_again() -> None:
    body = saved(np.array([["ab"]]))
    for code in (0xD800, 0x110000, 0xFFFFFFFF):
        assert refused(body[:-4] + code.to_bytes(4, "little")) == "not-utf-8"
    assert refused(saved(np.array([[b"\xff"]]))) == "not-utf-8"
