"""What the fuzzer of gRPC sends: conversations that are HTTP/2, or almost.

    calls     what a caller sends on a connection
    answers   what a model says to the three calls of `ASKING`

Counterpart: `bench.fuzz_grpc`, which sends them through a real listener and looks what arrives.
"""

from __future__ import annotations

import itertools
import struct
from typing import Any, NamedTuple

from hpack import Encoder
from hypothesis import strategies as st

from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import END_HEADERS, END_STREAM, PADDED, WITH_PRIORITY

Fields = list[tuple[bytes, bytes]]

SAY, INFER = b"/echo.Echo/Say", b"/inference.GRPCInferenceService/ModelInfer"
CHAT = b"/inference.GRPCInferenceService/ModelStreamInfer"

# -- calls -----------------------------------------------------------------------------------------

EXTRA = st.sampled_from(
    [
        (b"team", b"red"),
        (b"raw-bin", b"\x00\xff\r\n"),
        (b"grpc-timeout", b"9S"),
        (b"grpc-encoding", b"gzip"),
        (b"x-anomaly-score", b"0"),
        (b"x-request-id", b"mine"),
        (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        (b"long", b"x" * 20_000),
    ]
)
MALFORMED = st.sampled_from(
    [
        (b"Upper", b"1"),
        (b"connection", b"x"),
        (b":path", b"/again"),
        (b"a b", b"1"),
        (b"line", b"a\r\nb: c"),
        (b"te", b"gzip"),
        (b"", b""),
    ]
)
MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"\x0a\x01m", b"\x0a\x01m" + b"\x2a\x0c" + bytes(12), b"\xff" * 30]),
    st.sampled_from([20_000, 70_000]).map(bytes),
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """gRPC messages; sometimes one that is half there, or says that it is longer."""
    whole = b"".join(
        struct.pack(">BI", draw(st.sampled_from([0, 0, 0, 1])), len(one)) + one
        for one in draw(st.lists(MESSAGES, max_size=3))
    )
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 3)) == 0 else whole


class Conversation(NamedTuple):
    """What a side sends, as pieces of bytes; `good`: nothing is wrong with it, so all of it must arrive."""

    pieces: list[bytes]
    good: bool
    patient: bool
    """Whether to look what comes back before the sending side is closed."""


@st.composite
def calls(draw: st.DrawFn) -> Conversation:
    """A caller's connection."""
    odd = draw(st.booleans())
    encoder, good = Encoder(), True
    waiting: list[list[Any]] = []
    for number in range(draw(st.integers(1, 4))):
        steps, whole = draw(_call(2 * number + 1, odd))
        waiting.append(steps)
        good = good and whole
    told = [frames.settings_frame(draw(SETTINGS) if odd else [])]
    told += draw(_mixed(waiting, encoder, odd))
    return draw(_sent(frames.PREFACE, told, odd, good and sum(map(len, told)) < frames.WINDOW))


@st.composite
def _mixed(draw: st.DrawFn, waiting: list[list[Any]], encoder: Encoder, odd: bool) -> list[bytes]:
    """The steps of several streams, in any order; but streams begin in the order of their numbers."""
    told: list[bytes] = []
    begun = 0
    while waiting:
        at = draw(st.integers(0, min(begun, len(waiting) - 1)))
        steps = waiting[at]
        begun += at == begun
        step = steps.pop(0)
        told += [step] if isinstance(step, bytes) else draw(_fields(encoder, *step))
        if not steps:
            del waiting[at]
            begun -= 1
        if odd and draw(st.integers(0, 5)) == 0:
            told.append(draw(BESIDE))
    return told


@st.composite
def _call(draw: st.DrawFn, stream: int, odd: bool) -> tuple[list[Any], bool]:
    """The steps of one call, and whether it is a whole and good one. Heads are encoded when they go out."""
    path = draw(st.sampled_from([SAY, INFER, CHAT]))
    head: Fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"m")]
    head += [(b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"n", b"%d" % stream)]
    head += draw(st.lists(EXTRA, max_size=2))
    bad = odd and draw(st.integers(0, 5)) == 0
    if bad:
        head.insert(draw(st.integers(0, len(head))), draw(MALFORMED))
    body = draw(bodies())
    half = odd and draw(st.integers(0, 4)) == 0
    steps: list[Any] = [(stream, head, not body and not half)]
    cuts = sorted({0, len(body), *draw(st.lists(st.integers(0, len(body)), max_size=2))})
    for start, end in itertools.pairwise(cuts):
        for at in range(start, end, 16_384):
            piece = body[at : min(at + 16_384, end)]
            last = at + len(piece) == len(body) and not half
            steps.append(draw(_data(stream, piece, ends=last)))
    if odd and draw(st.integers(0, 5)) == 0:
        steps.append(frames.reset(stream, frames.CANCEL))
        half = True
    return steps, not (bad or half)


@st.composite
def _data(draw: st.DrawFn, stream: int, piece: bytes, *, ends: bool) -> bytes:
    flags = END_STREAM if ends else 0
    padding = draw(st.sampled_from([0, 0, 0, 1, 200]))
    if padding and len(piece) + padding < 16_384:
        return frames.frame(frames.DATA, flags | PADDED, stream, bytes([padding]) + piece + bytes(padding))
    return frames.frame(frames.DATA, flags, stream, piece)


@st.composite
def _fields(draw: st.DrawFn, encoder: Encoder, stream: int, fields: Fields, ends: bool) -> list[bytes]:
    """A header block, in one frame or several, which must stay together: one piece."""
    block = encoder.encode(fields, huffman=draw(st.booleans()))
    flags, first = END_STREAM if ends else 0, b""
    if draw(st.integers(0, 7)) == 0:
        flags, first = flags | WITH_PRIORITY, b"\x80\0\0\0\x0f"
    cuts = [0, *range(16_000, len(block), 16_000)]
    if draw(st.integers(0, 5)) == 0:
        cuts = sorted({*cuts, draw(st.integers(0, len(block)))})
    parts = [block[start:end] for start, end in zip(cuts, [*cuts[1:], len(block)], strict=True)]
    out = [frames.frame(frames.HEADERS, flags, stream, first + parts[0])]
    out += [frames.frame(frames.CONTINUATION, 0, stream, part) for part in parts[1:]]
    last = bytearray(out[-1])
    last[4] |= END_HEADERS
    return [b"".join([*out[:-1], bytes(last)])]


SETTINGS = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from([0, 1, 10, 16_384, 65_535, 100_000, 2**31 - 1, 2**32 - 1])),
    max_size=3,
)
BESIDE = st.one_of(
    SETTINGS.map(frames.settings_frame),
    st.sampled_from(
        [
            frames.frame(frames.PING, 0, 0, b"12345678"),
            frames.frame(frames.PING, frames.ACK, 0, b"12345678"),
            frames.frame(frames.SETTINGS, frames.ACK, 0),
            frames.window_update(0, 10),
            frames.window_update(1, 10),
            frames.window_update(1, 0),
            frames.window_update(0, 2**31 - 1),
            frames.goaway(1, frames.NO_ERROR, "bye"),
            frames.reset(1, frames.CANCEL),
            frames.reset(9, frames.CANCEL),
            frames.frame(frames.PRIORITY, 0, 1, b"\0\0\0\0\x10"),
            frames.frame(frames.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02"),
            frames.frame(frames.CONTINUATION, END_HEADERS, 1, b""),
            frames.frame(0x20, 0xFF, 1, b"of the future"),
            frames.frame(frames.DATA, 0, 1, b"more"),
            frames.frame(frames.DATA, END_STREAM, 3, b""),
            frames.frame(frames.DATA, 0, 99, b"x"),
            frames.frame(frames.DATA, PADDED, 1, b"\x09x"),
            frames.frame(frames.HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x01t\x011"),
            frames.frame(frames.HEADERS, END_HEADERS, 4, b"\x83\x86"),
            frames.frame(frames.HEADERS, 0, 5, b"\x83"),
            frames.frame(frames.HEADERS, END_HEADERS, 7, b"\x3f\xe1\xff\xff\xff\x7f"),
        ]
    ),
)
"""Frames that stand beside calls, or where none may stand."""


@st.composite
def _sent(draw: st.DrawFn, preface: bytes, told: list[bytes], odd: bool, good: bool) -> Conversation:
    """Frames as they are sent: some of them changed, and cut anywhere."""
    if odd:
        for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
            told = draw(_reordered(told))
        data = preface + b"".join(told)
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            at, span = draw(st.integers(0, min(len(data), 600))), draw(st.integers(0, 4))
            data = data[:at] + draw(st.binary(max_size=4)) + data[at + span :]
        if draw(st.integers(0, 2)) == 0:
            data = data[: draw(st.integers(0, len(data)))]
    else:
        data = preface + b"".join(told)
    if draw(st.integers(0, 15)) == 0 and len(data) < 1500:
        return Conversation([data[at : at + 1] for at in range(len(data))], good and not odd, True)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return Conversation(pieces, good and not odd, draw(st.booleans()))


@st.composite
def _reordered(draw: st.DrawFn, told: list[bytes]) -> list[bytes]:
    """One frame left out, said twice, moved, on another stream, with other flags or another length."""
    if not told:
        return told
    at = draw(st.integers(0, len(told) - 1))
    one = bytearray(told[at])
    match draw(st.integers(0, 5)):
        case 0:
            return told[:at] + told[at + 1 :]
        case 1:
            return told[: at + 1] + told[at:]
        case 2:
            rest = told[:at] + told[at + 1 :]
            to = draw(st.integers(0, len(rest)))
            return [*rest[:to], told[at], *rest[to:]]
        case 3 if len(one) >= frames.HEAD_BYTES:
            one[8] = draw(st.sampled_from([0, 1, 2, 3, 5, 7]))
        case 4 if len(one) >= frames.HEAD_BYTES:
            one[4] ^= draw(st.sampled_from([END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY, 0xFF]))
        case 5 if len(one) >= frames.HEAD_BYTES:
            one[2] = (one[2] + draw(st.sampled_from([1, 255, 7]))) % 256
    return [*told[:at], bytes(one), *told[at + 1 :]]


# -- answers ---------------------------------------------------------------------------------------

HEADS = st.sampled_from(
    [
        *([(b":status", b"200"), (b"content-type", b"application/grpc")],) * 6,
        [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-status", b"5")],
        [(b":status", b"103"), (b"link", b"x")],
        [(b":status", b"503"), (b"content-type", b"text/html")],
        [(b":status", b"2")],
        [(b"content-type", b"application/grpc")],
        [(b":status", b"200"), (b"connection", b"x")],
        [(b":status", b"200"), (b"x-anomaly-score", b"0"), (b"k-bin", b"\r\n\0")],
    ]
)
TRAILERS = st.sampled_from(
    [
        *([(b"grpc-status", b"0")],) * 4,
        [(b"grpc-status", b"13"), (b"grpc-message", b"broken")],
        [(b":status", b"200")],
        [(b"Upper", b"1")],
        [(b"x-sidecar-error", b"forged"), (b"grpc-status", b"0")],
    ]
)
ASKED = (1, 3, 5)


@st.composite
def answers(draw: st.DrawFn) -> Conversation:
    """What a model says to three calls."""
    odd, encoder = draw(st.booleans()), Encoder()
    waiting: list[list[Any]] = []
    for stream in ASKED:
        steps: list[Any] = [(stream, draw(HEADS), odd and draw(st.integers(0, 5)) == 0)]
        steps += [
            draw(_data(stream, one, ends=False)) for one in draw(st.lists(st.binary(max_size=30), max_size=2))
        ]
        if not (odd and draw(st.integers(0, 4)) == 0):
            steps.append((stream, draw(TRAILERS), True))
        waiting.append(steps)
    told = [frames.settings_frame(draw(SETTINGS) if odd else [])]
    return draw(_sent(b"", told + draw(_mixed(waiting, encoder, odd)), odd, False))


def _asking() -> bytes:
    encoder = Encoder()
    head = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", SAY), (b":authority", b"m")]
    heads = [encoder.encode([*head, (b"n", b"%d" % n), (b"path", SAY)][:5]) for n in ASKED]
    return b"".join(
        [
            frames.PREFACE,
            frames.settings_frame([]),
            *(frames.headers(n, b, ends=True) for n, b in zip(ASKED, heads, strict=True)),
        ]
    )


ASKING = _asking()
