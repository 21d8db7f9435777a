"""Opens a connection to a model server, whatever its address is, and says what went wrong in our own words.

Used by `sidecar.proxy.upstream` for callers' calls, by `sidecar.proxy.grpc.door`
for those over gRPC, and by `sidecar.proxy.questions` for the sidecar's own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

from sidecar.errors import CallFailed
from sidecar.proxy.address import Address

T = TypeVar("T", bound=asyncio.Protocol)


async def connect(
    address: Address, protocol: Callable[[], T], seconds: float, tls: ssl.SSLContext | None, server_name: str
) -> T:
    """A new connection within so many seconds, spoken for by what `protocol` makes. `server_name`: what the
    certificate must carry, if not the host. Raises CallFailed."""
    try:
        async with asyncio.timeout(seconds):
            return await _open(address, protocol, tls, server_name)
    except TimeoutError as error:
        raise CallFailed("upstream-connect-timeout", f"{address} after {seconds} s") from error
    except ConnectionRefusedError as error:
        raise CallFailed("upstream-refused", str(address)) from error
    except (OSError, UnicodeError) as error:  # also of TLS; and of a name that is no host name
        raise CallFailed("upstream-unreachable", f"{address}: {error}") from error


async def _open(
    address: Address, protocol: Callable[[], T], tls: ssl.SSLContext | None, server_name: str
) -> T:
    loop = asyncio.get_running_loop()
    name = (server_name or address.host) if tls else None
    if address.path:
        _, made = await loop.create_unix_connection(protocol, address.path, ssl=tls, server_hostname=name)
    else:
        _, made = await loop.create_connection(
            protocol, address.host, address.port, ssl=tls, server_hostname=name
        )
    return made
