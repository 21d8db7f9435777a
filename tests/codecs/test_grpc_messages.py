"""Messages of a gRPC body: whole, cut, compressed, and what is none."""

import gzip
import struct
import zlib

import pytest

from sidecar.codecs.encoding import MAX_DECOMPRESSED
from sidecar.codecs.grpc_messages import matches, messages, single
from sidecar.errors import Undecodable

PLAIN = ((b"content-type", b"application/grpc"),)
GZIP = (*PLAIN, (b"grpc-encoding", b"gzip"))


def framed(data: bytes, compressed: int = 0) -> bytes:
    return struct.pack(">BI", compressed, len(data)) + data


def test_messages_are_cut_out_of_a_body():
    assert [bytes(m) for m in messages(PLAIN, framed(b"one") + framed(b"") + framed(b"two"))] == [
        b"one",
        b"",
        b"two",
    ]
    assert messages(PLAIN, b"") == []


@pytest.mark.parametrize(("coding", "make"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_compressed_messages_are_opened_and_others_left_alone(coding, make):
    headers = (*PLAIN, (b"grpc-encoding", coding))
    body = framed(make(b"secret"), 1) + framed(b"plain")
    assert [bytes(m) for m in messages(headers, body)] == [b"secret", b"plain"]


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        (PLAIN, framed(b"one")[:-1], "truncated"),
        (PLAIN, framed(b"one")[:4], "truncated"),
        (PLAIN, framed(b"one", 1), "malformed-grpc"),
        (PLAIN, framed(b"one", 2), "malformed-grpc"),
        (GZIP, framed(b"no gzip", 1), "malformed-gzip"),
        ((*PLAIN, (b"grpc-encoding", b"snappy")), framed(b"x", 1), "content-encoding:snappy"),
        (GZIP, framed(gzip.compress(bytes(MAX_DECOMPRESSED + 1)), 1), "decompressed-too-large"),
        (GZIP, framed(gzip.compress(bytes(MAX_DECOMPRESSED // 2 + 1)), 1) * 2, "decompressed-too-large"),
        (PLAIN, framed(b"") * 100_001, "too-many-messages"),
    ],
)
def test_what_is_none_is_refused(headers, body, reason):
    with pytest.raises(Undecodable, match=reason):
        messages(headers, body)


def test_a_unary_call_has_one_message():
    assert bytes(single(PLAIN, framed(b"one"))) == b"one"
    for body, reason in ((b"", "no-message"), (framed(b"") * 2, "malformed-grpc")):
        with pytest.raises(Undecodable, match=reason):
            single(PLAIN, body)


def test_only_protocol_buffers_are_read():
    assert matches(PLAIN)
    assert matches(((b"content-type", b"application/grpc+proto"),))
    assert not matches(((b"content-type", b"application/grpc+json"),))
    assert not matches(((b"content-type", b"application/grpc-web"),))
