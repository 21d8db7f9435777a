"""Frames against the words of RFC 9113: whole, byte by byte, and what is none."""

import pytest

from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import Broken, Frame

PING = frames.frame(frames.PING, 0, 0, b"12345678")
DATA = frames.frame(frames.DATA, frames.END_STREAM, 3, b"hello")


def test_frames_are_cut_and_the_rest_is_left():
    *found, rest = frames.cut(PING + DATA + b"\0\0\1")
    assert found == [Frame(frames.PING, 0, 0, PING), Frame(frames.DATA, 1, 3, DATA)]
    assert rest == b"\0\0\1"


def test_frames_come_out_the_same_byte_by_byte():
    found, rest = [], b""
    for i in range(len(PING + DATA)):
        *whole, rest = frames.cut(rest + (PING + DATA)[i : i + 1])
        found += whole
    assert [one.raw for one in found] == [PING, DATA]
    assert rest == b""


def test_the_reserved_bit_of_a_stream_is_ignored():
    raw = DATA[:5] + b"\x80\0\0\x03" + DATA[9:]
    assert next(iter(frames.cut(raw))) == Frame(frames.DATA, 1, 3, raw)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (frames.frame(frames.PING, 0, 0, b"1234567"), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.PING, 0, 1, b"12345678"), frames.PROTOCOL_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 1, b"123"), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 0, b"1234"), frames.PROTOCOL_ERROR),
        (frames.frame(frames.WINDOW_UPDATE, 0, 0, b"12345"), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.SETTINGS, 0, 0, b"12345"), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.SETTINGS, 0, 1), frames.PROTOCOL_ERROR),
        (frames.frame(frames.GOAWAY, 0, 1, bytes(8)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.DATA, 0, 0, b""), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 0, b""), frames.PROTOCOL_ERROR),
        ((frames.LARGEST + 1).to_bytes(3, "big") + b"\0\0\0\0\0\1", frames.FRAME_SIZE_ERROR),
    ],
)
def test_what_no_frame_may_be_is_refused(raw, code):
    with pytest.raises(Broken) as refused:
        list(frames.cut(raw))
    assert refused.value.code == code


def test_padding_and_priority_are_taken_off():
    padded = Frame(frames.DATA, frames.PADDED, 1, bytes(9) + b"\x03" + b"body" + bytes(3))
    assert frames.payload(padded) == b"body"
    flags = frames.PADDED | frames.WITH_PRIORITY
    assert (
        frames.payload(Frame(frames.HEADERS, flags, 1, bytes(9) + b"\x01" + b"prior" + b"block\0"))
        == b"block"
    )


@pytest.mark.parametrize("body", [b"", b"\x05body", b"\xff"])
def test_more_padding_than_frame_is_refused(body):
    with pytest.raises(Broken):
        frames.payload(Frame(frames.DATA, frames.PADDED, 1, bytes(9) + body))


@pytest.mark.parametrize(
    "size", [0, 1, frames.HEADER_FRAME, frames.HEADER_FRAME + 1, 3 * frames.HEADER_FRAME]
)
def test_a_large_header_block_takes_several_frames(size):
    block = bytes(range(256)) * (size // 256) + bytes(size % 256)
    *found, rest = frames.cut(frames.headers(5, block, ends=True))
    assert b"".join(one.raw[9:] for one in found) == block
    assert rest == b""
    assert [one.kind for one in found] == [frames.HEADERS] + [frames.CONTINUATION] * (len(found) - 1)
    assert [bool(one.flags & frames.END_HEADERS) for one in found] == [False] * (len(found) - 1) + [True]
    assert found[0].flags & frames.END_STREAM


def test_settings_and_numbers_are_read_as_they_were_written():
    pairs = [(frames.INITIAL_WINDOW_SIZE, 2**31 - 1), (0xFE03, 1)]
    (found, _) = frames.cut(frames.settings_frame(pairs))
    assert frames.settings(found) == pairs
    (found, _) = frames.cut(frames.goaway(7, frames.CANCEL, "why"))
    assert (frames.number(found), frames.number(found, 4), found.raw[-3:]) == (7, frames.CANCEL, b"why")
    (found, _) = frames.cut(frames.window_update(1, 5))
    assert frames.number(found) == 5
