"""HPACK against the `hpack` library: what we write it reads, what it writes we read, remembered or not."""

import pytest
from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st

from sidecar.proxy.grpc.fields import MOST_BLOCKS, Reader, block, lines
from sidecar.proxy.grpc.frames import COMPRESSION_ERROR, Broken

TEXT = st.binary(max_size=300)
FIELDS = st.lists(st.tuples(st.sampled_from([b":path", b"x", b"authorization", b"te"]), TEXT), max_size=8)
CALL = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]


@given(FIELDS)
def test_what_is_written_can_be_read(fields):
    assert [tuple(field) for field in Decoder().decode(block(fields), raw=True)] == fields


@given(st.lists(FIELDS, max_size=6))
def test_blocks_are_read_in_order_with_the_peers_table(heads):
    encoder, reader = Encoder(), Reader(65_536)
    for fields in heads:
        assert list(reader.read(encoder.encode(fields))) == fields


def test_whole_static_fields_take_one_byte():
    assert block(CALL[:2]) == b"\x83\x86"
    assert block([(b":status", b"200")]) == b"\x88"


def test_secrets_are_marked_so_that_nobody_indexes_them():
    decoder = Decoder()
    (field,) = decoder.decode(block([(b"authorization", b"Bearer x")]), raw=True)
    assert not field.indexable


def test_a_block_met_again_is_the_same_object():
    encoder, reader = Encoder(), Reader(65_536)
    reader.read(encoder.encode(CALL))
    again = encoder.encode(CALL)
    first = reader.read(again)
    assert reader.read(again) is first
    assert list(first) == CALL


def test_a_changed_table_makes_known_blocks_forgotten():
    encoder, reader = Encoder(), Reader(65_536)
    reader.read(encoder.encode([(b"a", b"1")]))
    newest = encoder.encode([(b"a", b"1")])  # an index: the newest entry
    assert list(reader.read(newest)) == [(b"a", b"1")]
    reader.read(encoder.encode([(b"b", b"2")]))
    assert list(reader.read(newest)) == [(b"b", b"2")]  # the same bytes mean another field now
    encoder.header_table_size = 0
    assert list(reader.read(encoder.encode([]) + b"\x20")) == []
    with pytest.raises(Broken):
        reader.read(newest)


def test_what_is_remembered_is_bounded():
    reader = Reader(65_536)
    for i in range(3 * MOST_BLOCKS):
        reader.read(block([(b"x", b"%d" % i)]))
    assert len(reader._known) <= MOST_BLOCKS


@pytest.mark.parametrize("bad", [b"\xff\xff\xff\xff\xff\xff\xff", b"\xc0", b"\x00\x7f", b"\x80", b"\x40\x0a"])
def test_a_block_that_cannot_be_read_breaks_the_connection(bad):
    with pytest.raises(Broken) as broken:
        Reader(65_536).read(bad)
    assert broken.value.code == COMPRESSION_ERROR


def test_fields_beyond_the_limit_are_refused_before_they_fill_the_memory():
    reader = Reader(1000)
    encoder = Encoder()
    reader.read(encoder.encode([(b"x", b"a" * 500)]))
    with pytest.raises(Broken):
        reader.read(encoder.encode([(b"x", b"a" * 500)] * 1000))


def test_lines_of_http_1_become_fields():
    assert lines(b"x-anomaly-score: 0.5000\r\nX-B3-TraceId: 1: 2\r\n") == (
        (b"x-anomaly-score", b"0.5000"),
        (b"x-b3-traceid", b"1: 2"),
    )
    assert lines(b"") == ()
