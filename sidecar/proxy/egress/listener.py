"""One connection of the model to its egress: the ordinary listener, but the request says where it goes.

Counterpart: `sidecar.proxy.listener`, whose parsing, limits and time-outs hold here too.
"""

from __future__ import annotations

import asyncio
import socket

import msgspec

from sidecar.errors import CallFailed
from sidecar.exchange import Headers
from sidecar.proxy.address import Address
from sidecar.proxy.call import Call
from sidecar.proxy.egress.original import original
from sidecar.proxy.egress.outbound import Outlet, origin
from sidecar.proxy.egress.routes import tunnelled
from sidecar.proxy.egress.tunnel import Tunnel
from sidecar.proxy.heads import RequestHead, request_head
from sidecar.proxy.listener import Downstream


class OutboundListener(Downstream):
    """The connection of a model that calls others."""

    __slots__ = ("bound_for", "outlet")

    def __init__(self, outlet: Outlet) -> None:
        super().__init__(outlet)
        self.outlet = outlet
        self.bound_for: Address | None = None
        """Where the connection was going, if the pod's rules led it here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.bound_for = original(transport)
        super().connection_made(transport)

    def _recalled(self, data: bytes) -> bool:
        """Heads of a connection that was led here do not say where they go: none is recalled, or kept."""
        return self.bound_for is None and super()._recalled(data)

    def understood(self, fields: Headers) -> RequestHead:
        """The head, its target made absolute: scheme, authority and path of where it goes."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            return self._tunnel_head(fields)
        found = self.outlet.target(self.target.decode("latin-1"), _host(fields), self.bound_for)
        absolute = f"{origin(found.address)}{found.path}"
        version, dropped = self.parser.get_http_version(), self.plane.dropped_from_request
        if found.address is not self.bound_for:
            return request_head(method, absolute.encode("latin-1"), version, fields, dropped)
        # It keeps the Host that the model gave it: at one address there may be many.
        head = request_head(method, self.target, version, fields, dropped, found.address.authority)
        return msgspec.structs.replace(head, target=absolute)

    def _tunnel_head(self, fields: Headers) -> RequestHead:
        if any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in fields):
            raise CallFailed("bad-request", "CONNECT has no body")
        authority = self.target.decode("latin-1")
        tunnelled(authority)
        return RequestHead(
            method="CONNECT",
            target=authority,
            version="1.1",
            fields=fields,
            lines=b"",
            recorded=(),
            host=authority,
            request_id=b"",
            length=0,
            chunked=False,
            keep_alive=False,
            upgrade=b"tunnel",  # never to be recalled as an ordinary call
            expects=False,
        )

    def new_call(self, head: RequestHead) -> Call:
        """The call that a head begins."""
        return Tunnel(self, head) if head.method == "CONNECT" else Call(self, head)


def _host(fields: Headers) -> str:
    return next((value.decode("latin-1") for name, value in fields if name.lower() == b"host"), "")


async def listen(outlet: Outlet, listening: socket.socket) -> asyncio.Server:
    """Take the model's calls on a bound socket."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: OutboundListener(outlet), sock=listening, backlog=1024)
