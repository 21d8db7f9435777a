"""What all gRPC connections of one worker share: the way to the model, heads met before, limits.

Counterpart: `sidecar.proxy.plane`, which scores, counts and tells their calls as it does all others.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from sidecar.exchange import Headers
from sidecar.proxy.address import upstream as address_of
from sidecar.proxy.connecting import connect
from sidecar.proxy.grpc import heads
from sidecar.proxy.grpc.caller import Caller
from sidecar.proxy.grpc.model import Model
from sidecar.proxy.heads import OURS, RequestHead, ResponseHead
from sidecar.proxy.plane import Plane
from sidecar.proxy.recall import LONGEST_HEAD, MOST_HEADS
from sidecar.proxy.tls import listener_context, upstream_context
from sidecar.settings import Settings

PROTOCOL = "h2"
"""What TLS says of HTTP/2 (RFC 9113, 3.2)."""


ONCE_ONLY = frozenset(
    {b"grpc-timeout", b"traceparent", b"x-request-id", b"x-b3-traceid", b"uber-trace-id", b"b3"}
)
"""Fields that differ from call to call: a head with one of them would hardly be met again."""

Head = TypeVar("Head")


class Door:
    """The gRPC side of one worker. Belongs to its event loop."""

    def __init__(self, settings: Settings, plane: Plane) -> None:
        """Raises UsageError for files of TLS that cannot be read."""
        self.plane = plane
        self.clients: set[Caller] = set()
        self.context: ssl.SSLContext | None = listener_context(settings, PROTOCOL)
        self._address = address_of(settings.grpc_upstream)
        self._tls = upstream_context(settings, self._address.tls, PROTOCOL)
        self._dropped = OURS | plane.propagation.dropped
        self._server_name = settings.upstream_server_name
        self._requests: dict[Headers, RequestHead] = {}
        self._responses: dict[Headers, ResponseHead] = {}
        self._left = asyncio.Event()

    async def listen(self, listening: socket.socket) -> asyncio.Server:
        """Take calls on a bound socket."""
        return await self.plane.loop.create_server(
            lambda: Caller(self),
            sock=listening,
            backlog=1024,
            ssl=self.context,
            ssl_handshake_timeout=self.plane.settings.header_timeout if self.context else None,
        )

    async def connect(self, caller: Caller) -> Model:
        """A connection to the model for this caller. Raises CallFailed."""
        seconds = self.plane.settings.connect_timeout
        return await connect(self._address, lambda: Model(caller), seconds, self._tls, self._server_name)

    # -- heads -------------------------------------------------------------------------------------

    def request_head(self, fields: Headers) -> RequestHead:
        """What a caller's head means. Raises CallFailed."""
        head = self._requests.get(fields)
        if head is None:
            head = heads.request_head(fields, self._dropped)
            _keep(self._requests, fields, head)
        return head

    def response_head(self, fields: Headers) -> ResponseHead:
        """What a model's head means. Raises CallFailed."""
        head = self._responses.get(fields)
        if head is None:
            head = heads.response_head(fields)
            _keep(self._responses, fields, head)
        return head

    # -- connections ---------------------------------------------------------------------------------

    def admit(self, client: Caller) -> bool:
        """May this connection stay? Registers it if so."""
        plane = self.plane
        if len(self.clients) + len(plane.clients) >= plane.settings.max_connections:
            plane.count_failure("too-many-connections")
            return False
        self.clients.add(client)
        plane.grpc_clients = len(self.clients)
        return True

    def dismiss(self, client: Caller) -> None:
        self.clients.discard(client)
        self.plane.grpc_clients = len(self.clients)
        self._left.set()

    def sweep(self) -> None:
        """End whatever has waited too long; called a few times a second."""
        now = monotonic()
        for client in list(self.clients):
            client.check(now)

    async def drained(self, until: float) -> None:
        """Take no new calls, and wait for the last one, at most until this time of the loop's clock."""
        for client in list(self.clients):
            client.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while self.clients:
                    self._left.clear()
                    await self._left.wait()
        for client in list(self.clients):
            client.transport.abort()


def _keep(known: dict[Headers, Head], fields: Headers, head: Head) -> None:
    """Remember what fields mean, if they may come again; within bounds."""
    if not ONCE_ONLY.isdisjoint([name for name, _ in fields]):
        return
    if sum([len(name) + len(value) for name, value in fields]) > LONGEST_HEAD:
        return
    if len(known) >= MOST_HEADS:
        known.clear()
    known[fields] = head
