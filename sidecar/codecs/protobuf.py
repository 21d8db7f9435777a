"""The wire format of protocol buffers: bytes <-> numbered fields, with no generated code and no schema.

Two messages have to be read on the way of a call, and of them a few fields. That takes a hundred lines; the
`protobuf` package would take a second copy of every tensor and ten megabytes. Whatever is not as
https://protobuf.dev/programming-guides/encoding says raises Undecodable `malformed-protobuf`.
Counterparts: `v2_grpc` and `tf_grpc`, which know what the numbers mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.errors import Undecodable

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

MOST_FIELDS = 1_000_000
"""Of one message. A body of two-byte fields must not keep the loop for seconds."""


MOST_BYTES_OF_FEW = 1024


class Field(NamedTuple):
    """One field of a message: `value` for a varint, `data` for everything else."""

    number: int
    kind: int
    value: int
    data: memoryview

    @property
    def text(self) -> str:
        """The field as a string."""
        if self.kind != BYTES:
            raise Undecodable("malformed-protobuf")
        try:
            return str(self.data, "utf-8")
        except UnicodeDecodeError as error:
            raise Undecodable("malformed-protobuf") from error

    @property
    def signed(self) -> int:
        """A varint as int64 or int32, which negative numbers are written as."""
        return self.value - (1 << 64) if self.value >> 63 else self.value


_NOTHING = memoryview(b"")


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message, in the order of the wire. Raises Undecodable."""
    at, end = 0, len(message)
    for _ in range(MOST_FIELDS):
        if at == end:
            return
        tag = message[at]
        if tag < 128:  # as nearly all are
            at += 1
        else:
            tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise Undecodable("malformed-protobuf")
        if kind == VARINT:
            value, at = _varint(message, at)
            yield Field(number, kind, value, _NOTHING)
            continue
        if kind == BYTES:
            if at < end and (size := message[at]) < 128:
                at += 1
            else:
                size, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:  # groups, which nobody has used for twenty years
            raise Undecodable("malformed-protobuf")
        if size > end - at:
            raise Undecodable("malformed-protobuf")
        yield Field(number, kind, 0, message[at : at + size])
        at += size
    raise Undecodable("too-many-fields")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    try:
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 63:
                raise Undecodable("malformed-protobuf")
    except IndexError as error:
        raise Undecodable("malformed-protobuf") from error
    return value & 0xFFFFFFFFFFFFFFFF, at


def sub(field: Field) -> Iterator[Field]:
    """The fields of a message inside a message."""
    if field.kind != BYTES:
        raise Undecodable("malformed-protobuf")
    return fields(field.data)


def few(pieces: list[Field]) -> list[int]:
    """A repeated field of a handful of varints, packed or not, as signed numbers: a shape."""
    found: list[int] = []
    for field in pieces:
        if field.kind == VARINT:
            found.append(field.signed)
            continue
        if field.kind != BYTES or len(field.data) > MOST_BYTES_OF_FEW:
            raise Undecodable("malformed-protobuf")
        at, data = 0, field.data
        while at < len(data):
            value, at = _varint(data, at)
            found.append(value - (1 << 64) if value >> 63 else value)
    return found


def integers(pieces: list[Field]) -> NDArray[np.int64]:
    """A repeated field of varints, packed or not, as int64."""
    return np.concatenate([_varints(one) for one in pieces]) if pieces else np.empty(0, np.int64)


def fixed(pieces: list[Field], dtype: str) -> NDArray[Any]:
    """A repeated field of numbers of fixed width, packed or not, as this dtype."""
    width = np.dtype(dtype).itemsize
    if any(one.kind == VARINT or len(one.data) % width for one in pieces):
        raise Undecodable("malformed-protobuf")
    arrays = [np.frombuffer(one.data, dtype) for one in pieces]
    return arrays[0] if len(arrays) == 1 else np.concatenate([*arrays, np.empty(0, dtype)])


def _varints(field: Field) -> NDArray[np.int64]:
    """One number, or a packed run of them, all at once: each byte with the high bit clear ends one."""
    if field.kind == VARINT:
        return np.array([field.signed], dtype=np.int64)
    raw = np.frombuffer(field.data, np.uint8)
    if field.kind != BYTES or (len(raw) and raw[-1] >= 128):
        raise Undecodable("malformed-protobuf")
    ends = np.flatnonzero(raw < 128)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    if not len(ends):
        return np.empty(0, np.int64)
    place = np.arange(len(raw)) - np.repeat(starts, ends - starts + 1)
    if int(place.max()) > 9:
        raise Undecodable("malformed-protobuf")
    bits = (raw & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.bitwise_or.reduceat(bits, starts).view(np.int64)
