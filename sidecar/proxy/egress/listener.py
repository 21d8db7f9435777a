"""One connection of the model to its egress: the ordinary listener, but the request says where it goes.

Counterpart: `sidecar.proxy.listener`, whose parsing, limits and time-outs hold here too.
"""

from __future__ import annotations

import asyncio
import socket

from sidecar.errors import CallFailed
from sidecar.exchange import Headers
from sidecar.proxy.call import Call
from sidecar.proxy.egress.original import original
from sidecar.proxy.egress.outbound import Outlet, origin
from sidecar.proxy.egress.routes import tunnelled
from sidecar.proxy.egress.tunnel import Tunnel
from sidecar.proxy.heads import RequestHead, request_head
from sidecar.proxy.listener import Downstream


class OutboundListener(Downstream):
    """The connection of a model that calls others."""

    __slots__ = ("outlet",)

    def __init__(self, outlet: Outlet) -> None:
        super().__init__(outlet)
        self.outlet = outlet

    def understood(self, fields: Headers) -> RequestHead:
        """The head, its target made absolute: scheme, authority and path of where it goes."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            return self._tunnel_head(fields)
        asked = self.target.decode("latin-1")
        led = original(self.transport) if asked.startswith("/") else None
        found = self.outlet.target(asked, _host(fields), led)
        absolute = f"{origin(found.address)}{found.path}".encode("latin-1")
        version = self.parser.get_http_version()
        return request_head(method, absolute, version, fields, self.plane.dropped_from_request)

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
