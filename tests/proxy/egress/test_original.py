"""Where a connection wanted to go. tests/stories/test_redirect.py has connections that rules led astray."""

import asyncio
import socket
import struct

from sidecar.proxy.address import Address
from sidecar.proxy.egress.original import _ipv4, _ipv6, original


async def test_a_connection_that_called_us_had_no_other_aim():
    seen = asyncio.get_running_loop().create_future()

    async def answer(reader, writer):
        seen.set_result(original(writer.transport))
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await seen is None
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(ended.wait(), 10)


def test_what_the_kernel_says():
    family = struct.pack("=H", socket.AF_INET)
    assert _ipv4(family + struct.pack("!H4s8x", 8080, bytes([10, 0, 0, 9]))) == Address("10.0.0.9", 8080)
    address = socket.inet_pton(socket.AF_INET6, "fd00::9")
    assert _ipv6(family + struct.pack("!HI16sI", 80, 0, address, 0)) == Address("fd00::9", 80)
