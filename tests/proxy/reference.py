"""A second opinion on what the model receives: a model server that reads with h11, which is strict.

Whatever the sidecar forwards must be requests that h11 accepts whole, or the beginning of one that was
cut off with its connection. Every whole request is answered. Used by the table of malformed requests and by
the fuzzer; `sidecar` and h11 share no code, so they are not wrong together.
"""

from __future__ import annotations

import asyncio
import socket
from typing import NamedTuple

import h11

ANSWER = b"ok"
MOST_BYTES = 1_000_000


class Understood(NamedTuple):
    """A request as h11 reads it; field names are in lower case."""

    method: bytes
    target: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    trailers: tuple[tuple[bytes, bytes], ...]

    def without_ours(self) -> Understood:
        """Without the two fields that sidecar adds."""
        kept = tuple(field for field in self.fields if field[0] not in (b"traceparent", b"x-request-id"))
        return self._replace(fields=kept)


class Connection:
    """One connection to the model: what came, and what h11 makes of it."""

    def __init__(self, sock: socket.socket) -> None:
        self.raw = b""
        self.requests: list[Understood] = []
        self.fault: str = ""
        """Why h11 refuses what came; empty while it does not."""
        self.ended = False
        self._sock = sock
        self._h11 = h11.Connection(h11.SERVER, MOST_BYTES)
        self._head: h11.Request | None = None
        self._body = b""

    async def serve(self) -> None:
        """Read and answer until the other side closes."""
        loop = asyncio.get_running_loop()
        with self._sock:
            try:
                while data := await loop.sock_recv(self._sock, 65_536):
                    self.raw += data
                    self._h11.receive_data(data)
                    while (answer := self._next()) is not None:
                        if answer:
                            await loop.sock_sendall(self._sock, answer)
            except ConnectionError:
                pass
            except h11.RemoteProtocolError as error:
                self.fault = str(error)
        self.ended = True

    def _next(self) -> bytes | None:
        """Take the next event: an answer to send, nothing, or None when more must be read first."""
        match self._h11.next_event():
            case h11.Request() as head:
                self._head, self._body = head, b""
                return b""
            case h11.Data(data=data):
                self._body += bytes(data)
                return b""
            case h11.EndOfMessage(headers=trailers):
                assert self._head is not None
                head = self._head
                self.requests.append(
                    Understood(head.method, head.target, tuple(head.headers), self._body, tuple(trailers))
                )
                return self._answer()
            case h11.PAUSED if self._h11.their_state is h11.DONE and self._h11.our_state is h11.DONE:
                self._h11.start_next_cycle()
                return b""
        return None

    def _answer(self) -> bytes:
        body = b"" if self._head is not None and self._head.method == b"HEAD" else ANSWER
        head = h11.Response(status_code=200, headers=[("Content-Length", str(len(ANSWER)))])
        sent = self._h11.send(head)
        sent = (sent or b"") + (self._h11.send(h11.Data(data=body)) or b"" if body else b"")
        self._h11.send(h11.EndOfMessage())
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        return sent


class ReferenceModel:
    """Accepts connections on a listening socket as long as it is used as a context."""

    def __init__(self, listening: socket.socket) -> None:
        self.connections: list[Connection] = []
        self._listening = listening
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ReferenceModel:
        self._start(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def raw(self) -> bytes:
        """Everything that came, connection after connection."""
        return b"".join(connection.raw for connection in self.connections)

    @property
    def requests(self) -> list[Understood]:
        return [request for connection in self.connections for request in connection.requests]

    @property
    def faults(self) -> list[str]:
        return [connection.fault for connection in self.connections if connection.fault]

    def forget_closed(self) -> None:
        """Drop what came on connections that are closed."""
        self.connections = [connection for connection in self.connections if not connection.ended]

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._listening)
            self.connections.append(Connection(sock))
            self._start(self.connections[-1].serve())

    def _start(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
