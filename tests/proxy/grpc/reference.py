"""A second opinion on HTTP/2: what bytes say, and a peer that answers and finds fault. For the fuzzer.

`Spoken` reads leniently all that a side can have meant, so that the other side must have got no more than
that. `Strict` reads as RFC 9113 wants it read, and names what it must not have been sent. Nothing here is the
sidecar's own but the numbers of frames; header blocks are read by `hpack`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from hpack import Decoder, Encoder, HPACKError

from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import END_HEADERS, END_STREAM, HEAD_BYTES, PADDED, WITH_PRIORITY

Fields = list[tuple[bytes, bytes]]

OURS = (b"x-anomaly-", b"x-drift-", b"x-policy-", b"x-sidecar-")
OF_THE_TRACE = {b"traceparent", b"tracestate", b"baggage", b"x-request-id", b"traceresponse"}


def theirs(fields: Fields) -> Fields:
    """Without the fields that the sidecar may write, or drop."""
    return [one for one in fields if one[0] not in OF_THE_TRACE and not one[0].startswith(OURS)]


class Fault(Exception):
    """What a peer must not send."""


@dataclass
class Stream:
    """One stream, as one side spoke on it."""

    heads: list[Fields] = field(default_factory=list)
    data: bytes = b""
    ended: bool = False
    reset: bool = False


@dataclass
class Read:
    """One frame: payload without padding and priority."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    length: int


def cut(data: bytes, *, lenient: bool = False) -> Iterator[Read]:
    """The whole frames of these bytes. Raises Fault for padding longer than its frame; `lenient`: takes
    such a frame for one without a payload, as whoever looks at no frame of a stream that is over."""
    at = 0
    while len(data) - at >= HEAD_BYTES:
        length, kind, flags = int.from_bytes(data[at : at + 3], "big"), data[at + 3], data[at + 4]
        stream = int.from_bytes(data[at + 5 : at + 9], "big") & 0x7FFFFFFF
        if len(data) - at - HEAD_BYTES < length:
            return
        payload = data[at + HEAD_BYTES : at + HEAD_BYTES + length]
        at += HEAD_BYTES + length
        try:
            bare = _bare(kind, flags, payload)
        except Fault:
            if not lenient:
                raise
            bare = b""
        yield Read(kind, flags, stream, bare, length)


def _bare(kind: int, flags: int, payload: bytes) -> bytes:
    if kind not in (frames.DATA, frames.HEADERS):
        return payload
    padding = 0
    if flags & PADDED:
        if not payload:
            raise Fault("a padded frame of no bytes")
        padding, payload = payload[0], payload[1:]
    if kind == frames.HEADERS and flags & WITH_PRIORITY:
        if len(payload) < 5:
            raise Fault("no room for a priority")
        payload = payload[5:]
    if padding > len(payload):
        raise Fault("more padding than frame")
    return payload[: len(payload) - padding]


class Spoken:
    """All that these bytes can have meant."""

    def __init__(self, data: bytes) -> None:
        self.streams: dict[int, Stream] = {}
        self._decoder = Decoder(1 << 24)
        self._block = b""
        self._begun: Read | None = None
        try:
            for found in cut(data, lenient=True):
                self._take(found)
        except (Fault, HPACKError, ValueError, IndexError):
            pass  # nobody can read on from here

    def _take(self, found: Read) -> None:
        stream = self.streams.setdefault(found.stream, Stream())
        if self._begun is not None or found.kind == frames.HEADERS:
            self._headers(found)
        elif stream.ended:
            return  # what comes after the end is no part of it
        elif found.kind == frames.DATA:
            stream.data += found.payload
            stream.ended |= bool(found.flags & END_STREAM)
        elif found.kind == frames.RST_STREAM:
            stream.reset = True

    def _headers(self, found: Read) -> None:
        if self._begun is None:
            self._begun, self._block = found, b""
        elif found.kind != frames.CONTINUATION or found.stream != self._begun.stream:
            raise Fault("another frame in the middle of a header block")
        self._block += found.payload
        if found.flags & END_HEADERS:
            begun, self._begun = self._begun, None
            stream = self.streams[begun.stream]
            fields = [(name, value) for name, value in self._decoder.decode(self._block, raw=True)]
            if not stream.ended:
                stream.heads.append(fields)
                stream.ended = bool(begun.flags & END_STREAM)


class Strict:
    """One end of a connection that keeps all it got and finds fault with what it must not have got."""

    FIRST: frozenset[bytes]
    LAST: frozenset[bytes]

    def __init__(self, sock: socket.socket) -> None:
        self.raw = b""
        self.streams: dict[int, Stream] = {}
        self.fault = ""
        self.over = False
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._decoder = Decoder(1 << 24)
        self._encoder = Encoder()
        self._block: tuple[Read, bytes] | None = None
        self._highest = 0

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._sock, data)

    async def serve(self) -> None:
        """Read, and do what there is to do, until the other side closes."""
        try:
            while data := await self._loop.sock_recv(self._sock, 65_536):
                self.raw += data
                self._rest += data
                out = b"".join(self._answers())
                if out:
                    await self.send(out)
        except OSError:
            pass
        except (Fault, HPACKError, ValueError, IndexError) as error:
            self.fault = f"{type(error).__name__}: {error}"
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        self.over = True

    def _answers(self) -> Iterator[bytes]:
        for found in cut(self._rest):
            self._rest = self._rest[HEAD_BYTES + found.length :]
            if found.length > 16_384:
                raise Fault(f"a frame of {found.length} bytes, which nobody allowed")
            yield self.take(found)

    def take(self, found: Read) -> bytes:
        """Act on one frame; what is to be said to it. Raises Fault."""
        if self._block is not None or found.kind == frames.HEADERS:
            return self._headers(found)
        match found.kind:
            case frames.DATA:
                stream = self._open(found.stream)
                stream.data += found.payload
                stream.ended = bool(found.flags & END_STREAM)
                more = frames.window_update(0, found.length) if found.length else b""
                if found.length and not stream.ended:
                    more += frames.window_update(found.stream, found.length)
                return more + (self.ended(found.stream) if stream.ended else b"")
            case frames.RST_STREAM:
                if found.stream not in self.streams:
                    raise Fault(f"a reset of stream {found.stream}, which nobody opened")
                self.streams[found.stream].reset = True
            case frames.SETTINGS if not found.flags & frames.ACK:
                return frames.frame(frames.SETTINGS, frames.ACK, 0)
            case frames.PING if not found.flags & frames.ACK:
                return frames.frame(frames.PING, frames.ACK, 0, found.payload)
            case frames.CONTINUATION | frames.PUSH_PROMISE:
                raise Fault(f"a frame of kind {found.kind} where none may be")
        return b""

    def _open(self, number: int) -> Stream:
        stream = self.streams.get(number)
        if stream is None or not stream.heads:
            raise Fault(f"data on stream {number}, which has no head")
        if stream.ended or stream.reset:
            raise Fault(f"data on stream {number}, which has ended")
        return stream

    def _headers(self, found: Read) -> bytes:
        if self._block is None:
            begun, block = found, found.payload
        else:
            begun, block = self._block[0], self._block[1] + found.payload
            if found.kind != frames.CONTINUATION or found.stream != begun.stream:
                raise Fault("another frame in the middle of a header block")
        if not found.flags & END_HEADERS:
            self._block = begun, block
            return b""
        self._block = None
        fields = [(name, value) for name, value in self._decoder.decode(block, raw=True)]
        return self._head(begun.stream, fields, ends=bool(begun.flags & END_STREAM))

    def _head(self, number: int, fields: Fields, *, ends: bool) -> bytes:
        stream = self.opened(number)
        if stream.ended or stream.reset:
            raise Fault(f"fields on stream {number}, which has ended")
        first = not stream.heads
        if not first and not ends and not self.interim(stream):
            raise Fault(f"a second head on stream {number}")
        _check(fields, self.FIRST if first or self.interim(stream) else self.LAST)
        stream.heads.append(fields)
        stream.ended = ends
        return self.ended(number) if ends else b""

    def opened(self, number: int) -> Stream:
        """The stream that fields have come on. Raises Fault if there cannot be one."""
        raise NotImplementedError

    def ended(self, number: int) -> bytes:
        """What to say when a stream is whole."""
        raise NotImplementedError

    def interim(self, stream: Stream) -> bool:
        """Whether only interim answers have come on it."""
        return False


def _check(fields: Fields, pseudo: frozenset[bytes]) -> None:
    """Raises Fault for fields that RFC 9113, 8.2 and 8.3, calls malformed."""
    regular, seen = False, set()
    for name, value in fields:
        if name != name.lower() or not name or any(byte in b" \r\n\0" for byte in name):
            raise Fault(f"a field named {name!r}")
        if not name.endswith(b"-bin") and any(byte in b"\r\n\0" for byte in value):
            raise Fault(f"a field with the value {value!r}")
        if name in (b"connection", b"transfer-encoding", b"upgrade", b"keep-alive", b"proxy-connection"):
            raise Fault(f"a field of a connection: {name!r}")
        if name.startswith(b":"):
            if regular or name not in pseudo or name in seen:
                raise Fault(f"a pseudo-header field out of its place: {name!r}")
            seen.add(name)
        else:
            regular = True


class StrictModel(Strict):
    """A model's end: answers every whole request with its own data."""

    FIRST = frozenset({b":method", b":scheme", b":path", b":authority"})
    LAST = frozenset()

    async def serve(self) -> None:
        preface = b""
        try:
            while len(preface) < len(frames.PREFACE):
                if not (data := await self._loop.sock_recv(self._sock, len(frames.PREFACE) - len(preface))):
                    self.over = True
                    return
                preface += data
            if preface != frames.PREFACE:
                self.fault = f"{preface!r} instead of the preface"
            await self.send(frames.settings_frame([]))
        except OSError:
            self.over = True
            return
        await super().serve()

    def opened(self, number: int) -> Stream:
        if number not in self.streams:
            if number % 2 == 0 or number <= self._highest:
                raise Fault(f"stream {number} opened after {self._highest}")
            self._highest = number
        return self.streams.setdefault(number, Stream())

    def ended(self, number: int) -> bytes:
        head = self._encoder.encode([(b":status", b"200"), (b"content-type", b"application/grpc")])
        data = self.streams[number].data
        pieces = [frames.frame(frames.HEADERS, END_HEADERS, number, head)]
        pieces += [
            frames.frame(frames.DATA, 0, number, data[at : at + 16_384]) for at in range(0, len(data), 16_384)
        ]
        last = self._encoder.encode([(b"grpc-status", b"0")])
        return b"".join([*pieces, frames.frame(frames.HEADERS, END_HEADERS | END_STREAM, number, last)])


class StrictCaller(Strict):
    """A caller's end: `asked` are the streams that it has opened. It says nothing by itself, so that nothing
    comes between the bytes of a frame that somebody else sends."""

    FIRST = frozenset({b":status"})
    LAST = frozenset()

    def __init__(self, sock: socket.socket, asked: set[int]) -> None:
        super().__init__(sock)
        self.streams = {number: Stream() for number in asked}

    def take(self, found: Read) -> bytes:
        super().take(found)
        return b""

    def opened(self, number: int) -> Stream:
        if number not in self.streams:
            raise Fault(f"an answer on stream {number}, which was not asked")
        return self.streams[number]

    def ended(self, number: int) -> bytes:
        return b""

    def interim(self, stream: Stream) -> bool:
        return bool(stream.heads) and all(dict(head)[b":status"].startswith(b"1") for head in stream.heads)
