"""NumPy's own file format, `application/x-npy`, or `application/octet-stream` with its magic.

    \\x93NUMPY, version, header length, header, data

The header is a Python literal. It is matched, never evaluated; an array of objects is a pickle and is
refused; and the shape must account for exactly the bytes that are there before anything is allocated.
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.codecs import table
from sidecar.codecs.codec import media_type
from sidecar.errors import Undecodable, reason
from sidecar.exchange import Headers, Tensor

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_MAX_HEADER = 10_000
"""Bytes, numpy's own limit for a header it is not sure of."""

_DESCR = re.compile(rb"""['"]descr['"]\s*:\s*['"]([^'"]{1,20})['"]""")
_ORDER = re.compile(rb"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(rb"""['"]shape['"]\s*:\s*\(([0-9, ]*)\)""")
_DTYPE = re.compile(rb"[<>|=](?:b1|[iu][1248]|f[248]|[US][1-9][0-9]{0,6})")


def matches(headers: Headers) -> bool:
    return media_type(headers) in (b"application/x-npy", b"application/npy", b"application/octet-stream")


def read(headers: Headers, body: bytes) -> tuple[Tensor, ...]:
    """The array as one tensor; one of rank 1 is one row, one of rank 0 one row of one value.

    Raises Undecodable `not-npy`, `malformed-npy`, `npy-version:...`, `npy-dtype:...`, `truncated`,
    `trailing-bytes`.
    """
    header, start = _header(body)
    dtype, fortran, shape = _described(header)
    data = memoryview(body)[start:]
    size = math.prod(shape) * dtype.itemsize
    if len(data) != size:
        raise Undecodable("truncated" if len(data) < size else "trailing-bytes")
    array = np.frombuffer(data, dtype=dtype)
    if dtype.kind in "US":
        array = _texts(array)
    array = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return (Tensor("npy", array.reshape(1, -1) if array.ndim < 2 else array),)


def _header(body: bytes) -> tuple[bytes, int]:
    """The header's text, and where the data starts."""
    if body[:6] != _MAGIC:
        raise Undecodable("truncated" if _MAGIC.startswith(body[:6]) and body else "not-npy")
    if len(body) < 8:
        raise Undecodable("truncated")
    width = _LENGTH_BYTES.get(body[6])
    if width is None:
        raise Undecodable(reason("npy-version", str(body[6])))
    start = 8 + width
    end = start + int.from_bytes(body[8:start], "little")
    if end - start > _MAX_HEADER:
        raise Undecodable("malformed-npy")
    if len(body) < end:
        raise Undecodable("truncated")
    return body[start:end], end


def _described(header: bytes) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    descr, order, sizes = _DESCR.search(header), _ORDER.search(header), _SHAPE.search(header)
    if not (order and sizes):
        raise Undecodable("malformed-npy")
    code = descr[1] if descr else b"structured"
    if not _DTYPE.fullmatch(code):
        raise Undecodable(reason("npy-dtype", code.decode("latin-1")))
    shape = tuple(int(size) for size in sizes[1].split(b",") if size.strip())
    if len(shape) > table.MAX_DEPTH or any(size >= 2**32 for size in shape):
        raise Undecodable("malformed-npy")
    if 0 in shape:
        raise Undecodable("no-rows" if shape[0] == 0 else "malformed-npy")
    return np.dtype(code.decode()), order[1] == b"True", shape


def _texts(array: NDArray[Any]) -> NDArray[Any]:
    """Fixed-width text as an object array of `str`."""
    if array.dtype.kind == "U":
        # numpy makes a str of any 32 bits, also of those that are no character and that Python breaks on.
        codes = array.view(array.dtype.str[0] + "u4")
        if ((codes >= 0xD800) & (codes <= 0xDFFF) | (codes > 0x10FFFF)).any():
            raise Undecodable("not-utf-8")
        return table.text(array.tolist())
    try:
        return table.text([cell.decode() for cell in array.tolist()])
    except UnicodeDecodeError as error:
        raise Undecodable("not-utf-8") from error
