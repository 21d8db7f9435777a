"""Compressed bodies: opened whole, never further than the limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from sidecar.codecs import encoding
from sidecar.codecs.encoding import uncoded
from sidecar.errors import Undecodable

TEXT = b'{"instances": [[1, 2, 3]]}' * 20


def coded(name: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"Content-Encoding", name),)


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def refused(name: bytes, body: bytes, limit: int = encoding.MAX_DECOMPRESSED) -> str:
    with pytest.raises(Undecodable) as error:
        uncoded(coded(name), body, limit)
    return str(error.value)


def test_no_coding_is_the_same_object() -> None:
    for headers in ((), coded(b"identity"), coded(b"")):
        assert uncoded(headers, TEXT) is TEXT


@pytest.mark.parametrize(
    ("name", "body"),
    [
        # Without the time: tests are named by these, and alike in all processes that share them.
        (b"gzip", gzip.compress(TEXT, mtime=0)),
        (b" GZip ", gzip.compress(TEXT, mtime=0)),
        (b"x-gzip", gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0)),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", zlib.compress(TEXT, level=0)),
        (b"deflate", raw_deflate(TEXT)),
    ],
)
def test_codings(name: bytes, body: bytes) -> None:
    assert uncoded(coded(name), body) == TEXT


@pytest.mark.parametrize("name", [b"gzip", b"deflate"])
def test_cut_anywhere(name: bytes) -> None:
    body = gzip.compress(TEXT) if name == b"gzip" else zlib.compress(TEXT)
    for end in range(len(body)):
        assert refused(name, body[:end]) in (f"truncated-{name.decode()}", f"malformed-{name.decode()}")


def test_trailing_garbage() -> None:
    assert refused(b"gzip", gzip.compress(TEXT) + b"garbage") == "malformed-gzip"
    assert refused(b"deflate", zlib.compress(TEXT) + b"x") == "malformed-deflate"


def test_a_checksum_that_is_wrong() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-5] ^= 1
    assert refused(b"gzip", bytes(body)) == "malformed-gzip"


@pytest.mark.parametrize("name", [b"br", b"zstd", b"gzip, gzip", b'"\r\n'])
def test_an_unknown_coding_is_named(name: bytes) -> None:
    assert refused(name, TEXT).startswith("content-encoding:")


def test_the_limit_is_exact() -> None:
    assert uncoded(coded(b"gzip"), gzip.compress(TEXT), limit=len(TEXT)) == TEXT
    assert refused(b"gzip", gzip.compress(TEXT), len(TEXT) - 1) == "decompressed-too-large"
    two = gzip.compress(TEXT) + gzip.compress(TEXT)
    assert uncoded(coded(b"gzip"), two, limit=2 * len(TEXT)) == TEXT + TEXT
    assert refused(b"gzip", two, 2 * len(TEXT) - 1) == "decompressed-too-large"


@pytest.mark.parametrize("name", [b"gzip", b"deflate"])
def test_a_bomb_stops_at_the_limit(name: bytes) -> None:
    bomb = (gzip if name == b"gzip" else zlib).compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    tracemalloc.start()
    assert refused(name, bomb, 1_000_000) == "decompressed-too-large"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_chain_of_tiny_members_is_refused() -> None:
    assert refused(b"gzip", gzip.compress(b"") * 1000) == "malformed-gzip"
