"""/probe/model: does the model accept connections? For a kubelet whose TCP probe would only find the sidecar.

Only the upstream that the settings name is ever asked. Counterpart: `sidecar.inject.probes`.
"""

from __future__ import annotations

import asyncio
import contextlib

from sidecar.proxy.address import upstream

PATIENCE = 0.9
"""Seconds to wait for the model: under the one second that a probe waits by default."""


async def accepts(url: str) -> str:
    """Empty when whoever listens at `url` takes a connection, else what was wrong."""
    address = upstream(url)
    try:
        async with asyncio.timeout(PATIENCE):
            if address.path:
                _, writer = await asyncio.open_unix_connection(address.path)
            else:
                _, writer = await asyncio.open_connection(address.host, address.port)
    except TimeoutError:
        return f"no connection within {PATIENCE} s"
    except OSError as error:
        return error.strerror or str(error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""
