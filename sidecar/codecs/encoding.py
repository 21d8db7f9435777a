"""Content codings (RFC 9110, 8.4.1): compressed bodies are opened here, once, for every codec.

The proxy forwards the bytes as they came; only scoring and windows look inside. A few kilobytes can
decompress to gigabytes, so the output is bounded while it is made, not measured afterwards.
"""

from __future__ import annotations

import zlib

from sidecar.errors import Undecodable, reason
from sidecar.exchange import Headers, header

MAX_DECOMPRESSED = 16 * 1024 * 1024
"""Bytes. Four times the largest body that scoring looks at by default."""

MAX_MEMBERS = 16
"""Gzip members. Each copies what follows it, so a body of very many tiny ones would be quadratic."""

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


def uncoded(headers: Headers, body: bytes, limit: int = MAX_DECOMPRESSED) -> bytes:
    """`body` without its content coding; the same object when there is none.

    Raises Undecodable `decompressed-too-large`, `truncated-gzip`, `malformed-gzip` (or `-deflate`), and
    `content-encoding:...` for a coding that is not known here.
    """
    coding = header(headers, b"content-encoding")
    if coding is None:
        return body
    name = coding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name in (b"gzip", b"x-gzip"):
        return _members(body, limit)
    if name == b"deflate":
        # RFC 9110 means the zlib format by this name, but raw deflate is what some clients send.
        # A zlib header's first byte is 8 in its low half and at most 7 in the high one.
        zlib_header = body[:1] and body[0] & 0x0F == 8 and body[0] >> 4 <= 7
        return _inflate(body, _ZLIB if zlib_header else _RAW, limit, "deflate", last=True)[0]
    raise Undecodable(reason("content-encoding", name.decode("latin-1")))


def _members(body: bytes, limit: int) -> bytes:
    """A gzip file is one member or several, end to end (RFC 1952, 2.2)."""
    parts: list[bytes] = []
    while body or not parts:
        if len(parts) == MAX_MEMBERS:
            raise Undecodable("malformed-gzip")
        part, body = _inflate(body, _GZIP, limit, "gzip", last=False)
        limit -= len(part)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _inflate(body: bytes, window: int, limit: int, name: str, *, last: bool) -> tuple[bytes, bytes]:
    """One compressed stream and what follows it."""
    stream = zlib.decompressobj(window)
    try:
        out = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise Undecodable(f"malformed-{name}") from error
    if len(out) > limit:
        raise Undecodable("decompressed-too-large")
    if not stream.eof:
        raise Undecodable(f"truncated-{name}")
    if last and stream.unused_data:
        raise Undecodable(f"malformed-{name}")
    return out, stream.unused_data
