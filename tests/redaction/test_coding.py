"""Compressed bodies are opened as far as they are kept, also when they break off."""

import gzip
import zlib

from sidecar.redaction.coding import opened

DATA = bytes(range(256)) * 40


def test_whole():
    assert opened(b"gzip", gzip.compress(DATA), 20_000) == (DATA, True)
    assert opened(b"deflate", zlib.compress(DATA), 20_000) == (DATA, True)
    assert opened(b"deflate", zlib.compress(DATA, wbits=-15), 20_000) == (DATA, True)
    assert opened(b"identity", DATA, 20_000) == (DATA, True)
    assert opened(b"GZIP", gzip.compress(DATA) + gzip.compress(b"x"), 20_000) == (DATA + b"x", True)


def test_up_to_the_limit():
    assert opened(b"gzip", gzip.compress(DATA), 1000) == (DATA[:1000], False)
    assert opened(b"gzip", gzip.compress(bytes(10**8)), 1000) == (bytes(1000), False)


def test_broken_off():
    found = opened(b"gzip", gzip.compress(DATA)[:-20], 20_000)
    assert found is not None
    assert not found.whole
    assert DATA.startswith(found.data)


def test_not_opened():
    assert opened(b"br", b"x", 10) is None
    assert opened(b"gzip", b"no gzip at all", 10) is None
