"""A gRPC body: messages, each behind a byte that says if it is compressed and four that say how long it is.

Source: "gRPC over HTTP2", Length-Prefixed-Message. Counterparts: `v2_grpc` and `tf_grpc`, which read the
messages; `encoding`, which opens compressed ones.
"""

from __future__ import annotations

from sidecar.codecs.codec import media_type
from sidecar.codecs.encoding import MAX_DECOMPRESSED, uncoded
from sidecar.errors import Undecodable
from sidecar.exchange import Headers, header

PREFIX = 5
MOST_MESSAGES = 100_000

PROTOBUF = frozenset({b"application/grpc", b"application/grpc+proto"})


def matches(headers: Headers) -> bool:
    """Whether the body is of gRPC, with messages in protocol buffers."""
    return media_type(headers) in PROTOBUF


def messages(headers: Headers, body: bytes, *, whole: bool = True) -> list[memoryview]:
    """The messages of a body, opened. Raises Undecodable `truncated`, `malformed-grpc`, `too-many-messages`,
    and what is wrong with a compressed one. Without `whole`, a last one that breaks off does not count."""
    coding = header(headers, b"grpc-encoding") or b"identity"
    found: list[memoryview] = []
    view, at, room = memoryview(body), 0, MAX_DECOMPRESSED
    while at < len(body):
        compressed, length = body[at], int.from_bytes(body[at + 1 : at + PREFIX], "big")
        at += PREFIX
        if compressed > 1 or (compressed and coding == b"identity"):
            raise Undecodable("malformed-grpc")
        if at + length > len(body):
            if whole:
                raise Undecodable("truncated")
            break
        message = view[at : at + length]
        if compressed:
            message = memoryview(uncoded(((b"content-encoding", coding),), bytes(message), room))
            room -= len(message)
        found.append(message)
        at += length
        if len(found) > MOST_MESSAGES:
            raise Undecodable("too-many-messages")
    return found


def single(headers: Headers, body: bytes) -> memoryview:
    """The one message of a unary call."""
    found = messages(headers, body)
    if len(found) != 1:
        raise Undecodable("malformed-grpc" if found else "no-message")
    return found[0]
