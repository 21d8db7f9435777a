"""Pieces of a body on their way: framed for the next hop, and written with as little copying as pays."""

from __future__ import annotations

import asyncio

from sidecar.exchange import Headers

JOIN_LIMIT = 131_072
"""Bytes up to which pieces are joined into one write; larger ones are handed over as they are."""


def chunk(pieces: list[bytes], data: bytes) -> None:
    """Add `data` to `pieces` as one chunk of a chunked body."""
    pieces += (b"%x\r\n" % len(data), data, b"\r\n")


def last_chunk(trailers: Headers) -> bytes:
    """The end of a chunked body, with its trailer fields."""
    if not trailers:
        return b"0\r\n\r\n"
    return b"0\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in trailers) + b"\r\n"


def joined(pieces: list[bytes]) -> bytes:
    """The pieces as one; a single piece is not copied."""
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def first(pieces: list[bytes], limit: int) -> list[bytes]:
    """As many of the pieces as it takes to have `limit` bytes."""
    kept: list[bytes] = []
    for piece in pieces:
        if limit <= 0:
            break
        kept.append(piece)
        limit -= len(piece)
    return kept


def write(transport: asyncio.WriteTransport, pieces: list[bytes]) -> None:
    """One write. Small pieces are joined; large ones are not copied together first."""
    if len(pieces) == 1:
        transport.write(pieces[0])
    elif sum(map(len, pieces)) < JOIN_LIMIT:
        transport.write(b"".join(pieces))
    else:
        transport.writelines(pieces)
