"""HTTP/2 frames: how bytes are cut into them, and how our own are made. Pure.

Source: RFC 9113, sections 4, 6 and 7. Counterpart: `sidecar.proxy.grpc.ends`, which acts on them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a caller sends before its first frame."""

HEAD = struct.Struct(">IBI")
"""Length (24 bits) and kind (8 bits), flags, stream."""
HEAD_BYTES = 9

USUAL, LARGEST = 16_384, 65_536
"""Bytes of a frame's payload: what everybody takes, and what who would take more is said to take."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(5, 10)

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = range(5, 10)
ENHANCE_YOUR_CALM = 11

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)

WINDOW = 65_535
"""Bytes that may be sent before the other side has said anything of windows."""

HEADER_FRAME = 16_384
"""Bytes of a header block in one frame: what everybody takes."""

SETTING = struct.Struct(">HI")

SIZES = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
"""Payloads that have exactly this many bytes."""

ON_CONNECTION = frozenset({SETTINGS, PING, GOAWAY})
ON_STREAM = frozenset({DATA, HEADERS, PRIORITY, RST_STREAM, CONTINUATION})


class Broken(Exception):
    """What the peer sent is no HTTP/2: the connection ends with this error code."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Frame(NamedTuple):
    """One frame; `raw` is all of it."""

    kind: int
    flags: int
    stream: int
    raw: bytes


def cut(data: bytes, largest: int = LARGEST) -> Iterator[Frame | bytes]:
    """The whole frames of `data`, and at last the bytes that are no whole frame yet.

    Raises Broken for frames with a payload of more than `largest` bytes, those that have another size than
    their kind has, or stand on a stream where their kind may not.
    """
    start, size = 0, len(data)
    while size - start >= HEAD_BYTES:
        first, flags, stream = HEAD.unpack_from(data, start)
        length, kind = first >> 8, first & 0xFF
        if length > largest:
            raise Broken(FRAME_SIZE_ERROR, f"a frame of {length} bytes")
        end = start + HEAD_BYTES + length
        if end > size:
            break
        stream &= 0x7FFFFFFF
        if SIZES.get(kind, length) != length or (kind == SETTINGS and length % 6):
            raise Broken(FRAME_SIZE_ERROR, f"a frame of kind {kind} with {length} bytes")
        if (kind in ON_CONNECTION) if stream else (kind in ON_STREAM):
            raise Broken(PROTOCOL_ERROR, f"a frame of kind {kind} on stream {stream}")
        yield Frame(kind, flags, stream, data[start:end])
        start = end
    yield data[start:]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame as bytes."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def moved(raw: bytes, stream: int) -> bytes:
    """A frame as it stands on another stream."""
    return raw[:5] + stream.to_bytes(4, "big") + raw[HEAD_BYTES:]


def reset(stream: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def window_update(stream: int, more: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, more.to_bytes(4, "big"))


def goaway(last: int, code: int, detail: str = "") -> bytes:
    """The last frame of a connection: streams after `last` have not been looked at."""
    return frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big") + detail.encode())


def headers(stream: int, block: bytes, *, ends: bool) -> bytes:
    """A header block in as many frames as it takes."""
    end = END_STREAM if ends else 0
    if len(block) <= HEADER_FRAME:
        return frame(HEADERS, end | END_HEADERS, stream, block)
    pieces = [block[i : i + HEADER_FRAME] for i in range(0, len(block), HEADER_FRAME)]
    frames = [frame(HEADERS, end, stream, pieces[0])]
    frames += [frame(CONTINUATION, 0, stream, piece) for piece in pieces[1:-1]]
    return b"".join((*frames, frame(CONTINUATION, END_HEADERS, stream, pieces[-1])))


def payload(found: Frame) -> bytes:
    """The payload of DATA or HEADERS without padding and priority. Raises Broken."""
    raw, flags = found.raw, found.flags
    if found.kind == DATA and not flags & PADDED:
        return raw[HEAD_BYTES:]
    start, end = HEAD_BYTES, len(raw)
    if flags & PADDED:
        if start == end:
            raise Broken(FRAME_SIZE_ERROR, "a padded frame without a length of padding")
        end -= raw[start]
        start += 1
    if found.kind == HEADERS and flags & WITH_PRIORITY:
        start += 5
    if start > end:
        raise Broken(PROTOCOL_ERROR, "more padding than frame")
    return raw[start:end]


def settings(found: Frame) -> list[tuple[int, int]]:
    """The settings of a SETTINGS frame, in order."""
    return [SETTING.unpack_from(found.raw, i) for i in range(HEAD_BYTES, len(found.raw), 6)]


def settings_frame(pairs: list[tuple[int, int]]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join([SETTING.pack(*pair) for pair in pairs]))


def number(found: Frame, at: int = 0) -> int:
    """The 32-bit number at this place of the payload, without its reserved bit: an increment, or a stream."""
    return int.from_bytes(found.raw[HEAD_BYTES + at : HEAD_BYTES + at + 4], "big") & 0x7FFFFFFF
