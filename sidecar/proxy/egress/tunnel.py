"""CONNECT: bytes pass both ways unread, and the call is still known, timed and told.

A tunnel is a call that is already past its head. What goes through it is usually TLS, so there is no
context to read or write: such a call can only be joined by the third rung of `sidecar.proxy.egress.joining`.
"""

from __future__ import annotations

from time import perf_counter_ns

from sidecar.errors import translated
from sidecar.proxy.call import Call

ESTABLISHED = b"HTTP/1.1 200 Connection Established\r\n\r\n"


class Tunnel(Call):
    """One CONNECT request and the connection it asked for."""

    __slots__ = ()

    def _begin(self) -> None:
        plane = self.plane
        self.begun = True
        plane.identify(self)
        try:
            plane.begin_call(self.head)
            self.pool = plane.pool_for(self)
        except Exception as error:
            self.fail(translated(error))
            return
        plane.tasks.start("open a tunnel", self._connect())

    async def _connect(self) -> None:
        try:
            connection = await self.pool.connect()
        except Exception as error:
            self.fail(translated(error))
            return
        if self.over:
            connection.transport.close()
            return
        self.forwarded_ns = self.first_byte_ns = perf_counter_ns() - self.started
        self.upstream = connection
        connection.serve(self)
        self.status = 200
        self.head_sent = True
        self.client.transport.write(ESTABLISHED)
        self.switched(b"")
