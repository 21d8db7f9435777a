"""Long streams: a backend that takes and sends them, and the caller that measures them.

The backend answers `GET /down/BYTES` with that many zeros and `POST /up` with the number it received.
`?stall=SECONDS` on an upload makes it take nothing for a while: a proxy without back-pressure then keeps
the whole body in memory. Run the backend as `python -m bench.rig.bulk PORT`.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
from collections.abc import Iterator
from typing import cast

import httptools
import msgspec
import uvloop

from bench.rig.processes import MB, Peak, Tree

_CHUNK = bytes(256 * 1024)
_STALL = 0.5
"""Seconds that a slow receiver takes nothing."""


class Stream(msgspec.Struct, frozen=True):
    """One transfer each way at full speed, and one each way with a receiver that stalls first.

    `extra_mb` is the highest resident memory above the level before, over all four: of the data plane, and
    of the whole tree.
    """

    down_mb_per_s: float
    up_mb_per_s: float
    extra_mb_data_plane: float
    extra_mb_whole: float


class WrongCount(Exception):
    """A stream arrived longer or shorter than it was sent."""


def measure(tree: Tree, size: int) -> Stream:
    """Send `size` bytes through the proxy each way. Raises WrongCount when they do not all arrive."""
    _up(tree.port, 1024)
    tree.settle()  # an observer may still be starting, and that is not the stream's memory
    data_plane, whole = Peak(tree.data_plane()), Peak(tree.processes())
    down, up = _down(tree.port, size), _up(tree.port, size)
    _down(tree.port, size, _STALL)
    _up(tree.port, size, _STALL)
    return Stream(size / MB / down, size / MB / up, data_plane.extra() / MB, whole.extra() / MB)


def _down(port: int, size: int, stall: float = 0.0) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.perf_counter()
    connection.request("GET", f"/down/{size}")
    answer = connection.getresponse()
    time.sleep(stall)
    buffer, received = bytearray(len(_CHUNK)), 0
    while count := answer.readinto(buffer):
        received += count
    seconds = time.perf_counter() - started
    connection.close()
    if received != size:
        raise WrongCount(f"download of {size} bytes: {received} arrived, status {answer.status}")
    return seconds


def _up(port: int, size: int, stall: float = 0.0) -> float:
    def body() -> Iterator[bytes]:
        whole, rest = divmod(size, len(_CHUNK))
        for _ in range(whole):
            yield _CHUNK
        yield _CHUNK[:rest]

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    started = time.perf_counter()
    connection.request("POST", f"/up?stall={stall}", body(), headers)
    answer = connection.getresponse()
    text = answer.read()
    seconds = time.perf_counter() - started
    connection.close()
    if answer.status != 200 or json.loads(text)["received"] != size:
        raise WrongCount(f"upload of {size} bytes: the backend says {text[:200]!r}, status {answer.status}")
    return seconds


class _Backend(asyncio.Protocol):
    """One connection of the backend; httptools calls the `on_` methods."""

    _transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._parser = httptools.HttpRequestParser(self)
        self._to_send = 0
        self._full = False

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._target = b""
        self._received = 0

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_headers_complete(self) -> None:
        stall = float(self._target.partition(b"stall=")[2] or 0)
        if stall:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(stall, self._transport.resume_reading)

    def on_body(self, body: bytes) -> None:
        self._received += len(body)

    def on_message_complete(self) -> None:
        if self._target.startswith(b"/down/"):
            self._to_send = int(self._target[6:])
            self._answer(b"application/octet-stream", self._to_send)
            self._send()
        else:
            text = json.dumps({"received": self._received}).encode()
            self._answer(b"application/json", len(text))
            self._transport.write(text)

    def _answer(self, kind: bytes, length: int) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind, length)
        )

    def _send(self) -> None:
        while self._to_send and not self._full:
            chunk = _CHUNK[: self._to_send]
            self._to_send -= len(chunk)
            self._transport.write(chunk)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._send()


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Backend, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
