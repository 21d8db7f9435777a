"""Callers and models that speak HTTP/2, moved by hand: the frames of `tests.proxy.dialogue`'s peers.

Header blocks are written and read with `hpack`, which has nothing to do with what the sidecar writes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from hpack import Decoder, Encoder

from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import END_HEADERS, END_STREAM, Frame
from tests.proxy.dialogue import Peer, Stage

Fields = list[tuple[bytes, bytes]]

METHOD = b"/inference.GRPCInferenceService/ModelInfer"
PATH = b"/echo.Echo/Say"
"""Of a service that no codec knows."""

ANSWER: Fields = [(b":status", b"200"), (b"content-type", b"application/grpc")]
WELL: Fields = [(b"grpc-status", b"0"), (b"grpc-message", b"")]


def head(path: bytes = PATH, *more: tuple[bytes, bytes]) -> Fields:
    """A head as gRPC callers send it."""
    return [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"model:8081"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *more,
    ]


def message(data: bytes) -> bytes:
    """A gRPC message as it stands in DATA."""
    return struct.pack(">BI", 0, len(data)) + data


class Heard(NamedTuple):
    """The fields of a HEADERS frame."""

    stream: int
    fields: Fields
    ends: bool

    def field(self, name: str) -> str | None:
        found = [value.decode("latin-1") for key, value in self.fields if key == name.encode()]
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None


class H2:
    """One end of an HTTP/2 connection."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._write = Encoder()
        self.decoder = Decoder()
        self._ready: list[Frame] = []

    async def send(self, *pieces: bytes) -> None:
        await self.peer.send(b"".join(pieces))

    def headers(self, stream: int, fields: Fields, *, ends: bool = False) -> bytes:
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return frames.frame(frames.HEADERS, flags, stream, self._write.encode(fields))

    def data(self, stream: int, body: bytes, *, ends: bool = False) -> bytes:
        return frames.frame(frames.DATA, END_STREAM if ends else 0, stream, body)

    async def frame(self) -> Frame:
        """The next frame."""
        first = await self.peer.exactly(frames.HEAD_BYTES)
        length = int.from_bytes(first[:3], "big")
        raw = first + await self.peer.exactly(length)
        return Frame(raw[3], raw[4], int.from_bytes(raw[5:9], "big"), raw)

    async def next(self, kind: int) -> Frame:
        """The next frame of this kind; before it, only updates of windows, settings and pings."""
        passed_over = {frames.WINDOW_UPDATE, frames.SETTINGS, frames.PING} - {kind}
        while (found := await self.frame()).kind in passed_over:
            pass
        assert found.kind == kind, f"expected a frame of kind {kind}, got {found}"
        return found

    async def heard(self) -> Heard:
        found = await self.next(frames.HEADERS)
        block = found.raw[frames.HEAD_BYTES :]
        while not found.flags & END_HEADERS:
            found = found._replace(flags=found.flags | (more := await self.next(frames.CONTINUATION)).flags)
            block += more.raw[frames.HEAD_BYTES :]
        fields = [(name, value) for name, value in self.decoder.decode(block, raw=True)]
        return Heard(found.stream, fields, bool(found.flags & END_STREAM))

    async def body(self, size: int) -> bytes:
        """DATA until there are so many bytes."""
        body = b""
        while len(body) < size:
            body += (await self.next(frames.DATA)).raw[frames.HEAD_BYTES :]
        return body


async def calling(stage: Stage, **how: int) -> H2:
    """A caller who has said that it speaks HTTP/2."""
    caller = H2(await stage.grpc_caller(**how))
    await caller.send(frames.PREFACE, frames.settings_frame([]))
    return caller


async def called(stage: Stage) -> H2:
    """The model at the other end, greeted."""
    model = H2(await stage.model())
    assert await model.peer.exactly(len(frames.PREFACE)) == frames.PREFACE
    await model.send(frames.settings_frame([]))
    return model


async def conversation(stage: Stage) -> tuple[H2, H2]:
    """A caller and its model."""
    caller = await calling(stage)
    return caller, await called(stage)


async def asked(stage: Stage, path: bytes = PATH, body: bytes = b"hi") -> tuple[H2, H2]:
    """A unary call that waits for its answer."""
    caller, model = await conversation(stage)
    await caller.send(caller.headers(1, head(path)), caller.data(1, message(body), ends=True))
    await model.heard()
    await model.body(len(message(body)))
    return caller, model
