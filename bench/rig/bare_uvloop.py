"""The least that a proxy in Python can do: bytes from one uvloop connection to another, unread.

No head is parsed, nothing is counted, kept or told. What this takes, any data plane on uvloop takes: it is
the floor that sidecar's figures are held to. Run as
`python -m bench.rig.bare_uvloop LISTEN_PORT UPSTREAM_PORT`.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import cast

import uvloop


class Side(asyncio.Protocol):
    """One of two connections; each writes what the other has read."""

    __slots__ = ("other", "transport")

    def __init__(self, other: Side | None = None) -> None:
        self.other = other
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()


class Caller(Side):
    """The side that was called: what it says before its other side is there is kept until then."""

    __slots__ = ("early", "opening", "upstream")

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self.upstream = upstream
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.opening = asyncio.get_running_loop().create_task(self._open())

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, other = await loop.create_connection(lambda: Side(self), "127.0.0.1", self.upstream)
        other.transport.writelines(self.early)
        self.other = other
        if self.transport.is_closing():
            other.transport.close()


async def serve(port: int, upstream: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Caller(upstream), "127.0.0.1", port)
    gc.freeze()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
