"""Chunks, and one write for what came together."""

import asyncio

import h11
from hypothesis import given
from hypothesis import strategies as st

from sidecar.proxy.pieces import JOIN_LIMIT, chunk, joined, last_chunk, write


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.booleans())
def test_chunks_are_read_back_by_another_parser(bodies, with_trailers):
    trailers = ((b"X-Sum", b"1"), (b"x-more", b"\xe9")) if with_trailers else ()
    pieces: list[bytes] = []
    for body in bodies:
        chunk(pieces, body)
    pieces.append(last_chunk(trailers))
    model = h11.Connection(h11.SERVER)
    model.receive_data(b"POST / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(pieces))
    assert isinstance(model.next_event(), h11.Request)
    read = b""
    while isinstance(event := model.next_event(), h11.Data):
        read += bytes(event.data)
    assert read == b"".join(bodies)
    assert isinstance(event, h11.EndOfMessage)
    assert event.headers.raw_items() == list(trailers)


class Kept(asyncio.WriteTransport):
    """What was written, call by call."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data) -> None:
        self.writes.append(bytes(data))


def test_small_pieces_are_one_write_and_large_ones_are_not_copied():
    transport = Kept()
    write(transport, [b"head", b"body"])
    assert transport.writes == [b"headbody"]
    large = b"x" * JOIN_LIMIT
    write(transport, [b"head", large])
    assert b"".join(transport.writes[1:]) == b"head" + large


def test_a_single_piece_is_itself():
    piece = b"x" * 100
    assert joined([piece]) is piece
    assert joined([b"a", b"b"]) == b"ab"
    assert joined([]) == b""
