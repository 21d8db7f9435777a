"""Compressed bodies, opened as far as they are to be kept: a few kilobytes may stand for gigabytes.

Unlike `sidecar.codecs.encoding`, which scoring reads by, a body that breaks off is good for what it holds.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple


class Opened(NamedTuple):
    """The plain bytes, and whether they are all."""

    data: bytes
    whole: bool


def opened(coding: bytes, body: bytes, limit: int) -> Opened | None:
    """Up to `limit` plain bytes of a body with this Content-Encoding. None: it cannot be opened here."""
    name = coding.strip().lower()
    if name in (b"", b"identity"):
        return Opened(body[:limit], len(body) <= limit)
    if name in (b"gzip", b"x-gzip"):
        return _members(body, limit)
    if name == b"deflate":
        zlib_header = body[:1] and body[0] & 0x0F == 8 and body[0] >> 4 <= 7
        stream = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
        return _read(stream, body, limit)
    return None


def _members(body: bytes, limit: int) -> Opened | None:
    parts: list[bytes] = []
    for _ in range(16):
        stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        part = _read(stream, body, limit)
        if part is None:
            return None
        parts.append(part.data)
        limit -= len(part.data)
        body = stream.unused_data
        if not part.whole or not body:
            return Opened(b"".join(parts), part.whole)
        if limit <= 0:
            break
    return Opened(b"".join(parts), False)


def _read(stream: zlib._Decompress, body: bytes, limit: int) -> Opened | None:
    try:
        data = stream.decompress(body, max(1, limit))
    except zlib.error:
        return None
    return Opened(data[:limit], stream.eof and len(data) <= limit)
