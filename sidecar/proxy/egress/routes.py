"""Where an outbound call goes: by a named route, or where its own target says. Pure.

POST /intent/v2/models/m/infer      with  route intent=http://intent:9700   ->  intent:9700, path cut
Host: intent                        with the same route                      ->  intent:9700
GET http://host:port/path           (HTTP_PROXY)                             ->  host:port
GET /path                           led here by `sidecar redirect`           ->  where it was going
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from sidecar.errors import CallFailed, UsageError
from sidecar.proxy.address import Address
from sidecar.proxy.address import upstream as address_of
from sidecar.values import host_port

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Target(NamedTuple):
    """Where a call goes, and the path that stands in its request line."""

    address: Address
    path: str


def routes(text: str) -> dict[str, Address]:
    """Read the `route` setting: `name=URL` separated by commas. Raises UsageError naming the part."""
    found: dict[str, Address] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, url = part.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise UsageError(
                f'route "{part}": expected name=http://host:port, such as intent=http://intent:9700'
            )
        if name in found:
            raise UsageError(f'route "{part}": there is another route called {name}')
        try:
            address = address_of(url)
        except UsageError as error:
            raise UsageError(f'route "{part}": {str(error).partition(": ")[2]}') from error
        # A Unix socket has no host of its own: the route's name tells it from the next one.
        found[name] = Address(host=name, path=address.path) if address.path else address
    return found


def target(
    named: Mapping[str, Address], request_target: str, host: str, original: Address | None = None
) -> Target:
    """Where a call with this request target and Host goes. Raises CallFailed("no-route").

    `original` is where its connection was going before the pod's rules led it here, if they did.
    """
    if not request_target.startswith("/"):
        return _absolute(named, request_target)
    label = host.partition(":")[0]
    if (address := named.get(label)) is not None:
        return Target(address, request_target)
    if original is not None:
        return Target(original, request_target)
    name, slash, rest = request_target[1:].partition("/")
    name, mark, query = name.partition("?")
    if (address := named.get(name)) is not None:
        return Target(address, f"/{rest}" if slash else f"/{mark}{query}")
    known = ", ".join(named) or "none"
    raise CallFailed("no-route", f"neither Host nor the path names a route; there are: {known}")


def _absolute(named: Mapping[str, Address], request_target: str) -> Target:
    try:
        parts = urlsplit(request_target)
        port = parts.port
    except ValueError as error:
        raise CallFailed("bad-request", f"the request target: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CallFailed("bad-request", "the request target must be a path or an http URL")
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    if (address := named.get(parts.hostname)) is not None and port is None:
        return Target(address, path)
    tls = parts.scheme == "https"
    return Target(Address(host=parts.hostname, port=port or (443 if tls else 80), tls=tls), path)


def tunnelled(authority: str) -> Address:
    """Where CONNECT asks to go: `host:port`. Raises CallFailed("bad-request")."""
    try:
        host, port = host_port(authority)
    except ValueError as error:
        raise CallFailed("bad-request", f"CONNECT needs host:port; this {error}") from error
    if port == 0:
        raise CallFailed("bad-request", "CONNECT needs host:port, and 0 is no port to call")
    return Address(host=host, port=port)
