"""Header blocks <-> fields: HPACK (RFC 7541), read with `hpack`, written by ourselves.

What we write never touches the other side's dynamic table: every field is a literal, or stands whole in the
static table. So the block of the same fields is always the same, and can be remembered and joined to others.
A few hundred bytes more on loopback are cheaper than a table that two parties keep in step.

What we read may be remembered, too: a block that came before means the same again, unless the peer's table
has changed in between.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpack import Decoder, HPACKError
from hpack.table import HeaderTable

from sidecar.exchange import Headers
from sidecar.proxy.grpc.frames import COMPRESSION_ERROR, Broken

MOST_BLOCKS = 256
LONGEST_BLOCK = 2048
"""Blocks that are remembered for a connection, and their bytes."""

STATIC = {
    (b":method", b"POST"): b"\x83",
    (b":method", b"GET"): b"\x82",
    (b":scheme", b"http"): b"\x86",
    (b":scheme", b"https"): b"\x87",
    (b":status", b"200"): b"\x88",
}
"""Fields that stand whole in the static table, of those that gRPC uses."""

NO_TABLE = b"\x20"
"""At the beginning of a block: the dynamic table has no room from here on (RFC 7541, 6.3)."""

SECRET = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"})
"""Fields that nobody on the way may keep in a table (RFC 7541, 7.1.3)."""


class _Table(HeaderTable):
    """A table that counts how often it has changed."""

    changes = 0

    def add(self, name: bytes, value: bytes) -> None:
        self.changes += 1
        super().add(name, value)


class Reader:
    """Reads the header blocks of one side of one connection, in the order in which they came."""

    def __init__(self, max_bytes: int) -> None:
        self._table = _Table()
        self._decoder = Decoder(max_bytes)
        self._decoder.header_table = self._table
        self._known: dict[bytes, Headers] = {}
        self._changes = 0

    def read(self, block: bytes) -> Headers:
        """The fields of a block. Raises Broken: after a bad one the tables differ, for good."""
        table = self._table
        known = self._known
        if table.changes == self._changes:
            found = known.get(block)
            if found is not None:
                return found
        else:
            known.clear()
            self._changes = table.changes
        try:
            fields = tuple([(name, value) for name, value in self._decoder.decode(block, raw=True)])
        except (HPACKError, ValueError, IndexError) as error:
            raise Broken(COMPRESSION_ERROR, f"a header block that cannot be read: {error}") from error
        if block[:1] and block[0] & 0xE0 == 0x20:  # the table has another size from here on
            table.changes += 1
        if table.changes == self._changes and len(block) <= LONGEST_BLOCK:
            if len(known) >= MOST_BLOCKS:
                known.clear()
            known[block] = fields
        return fields


def block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block of these fields, or a piece of one."""
    pieces: list[bytes] = []
    for field in fields:
        if (whole := STATIC.get(field)) is not None:
            pieces.append(whole)
            continue
        name, value = field
        pieces += (b"\x10" if name in SECRET else b"\x00", _length(name), name, _length(value), value)
    return b"".join(pieces)


def lines(text: bytes) -> Headers:
    """Header lines as HTTP/1 has them, each ended by CRLF, as fields of HTTP/2."""
    split = [line.partition(b": ") for line in text.split(b"\r\n") if line]
    return tuple([(name.lower(), value) for name, _, value in split])


def _length(text: bytes) -> bytes:
    """The length of a string that is not Huffman-coded: an integer with a 7-bit prefix (RFC 7541, 5.1)."""
    length = len(text)
    if length < 127:
        return _SHORT[length]
    length -= 127
    out = bytearray(b"\x7f")
    while length >= 128:
        out.append(length & 127 | 128)
        length >>= 7
    out.append(length)
    return bytes(out)


_SHORT = tuple(bytes([length]) for length in range(127))
