"""Where a connection wanted to go before the pod's rules led it to the egress. Linux only.

`sidecar redirect` makes the kernel change the address; the kernel remembers it. Counterpart:
`sidecar.proxy.egress.routes`, which asks when a call names no target of its own.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from sidecar.proxy.address import Address

SO_ORIGINAL_DST = 80
"""Of linux/netfilter_ipv4.h, and IP6T_SO_ORIGINAL_DST of netfilter_ipv6/ip6_tables.h."""


def original(transport: asyncio.BaseTransport) -> Address | None:
    """The address the other side had called, or None when it called us."""
    sock, name = transport.get_extra_info("socket"), transport.get_extra_info("sockname")
    if sock is None or not isinstance(name, tuple):
        return None
    plain = name[0].removeprefix("::ffff:")  # an IPv4 call to a socket of both families
    try:
        if ":" in plain:
            found = _ipv6(sock.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28))
        else:
            found = _ipv4(sock.getsockopt(socket.IPPROTO_IP, SO_ORIGINAL_DST, 16))
    except OSError:  # nobody changed it
        return None
    return None if found == Address(plain, name[1]) else found


def _ipv4(raw: bytes) -> Address:
    """`struct sockaddr_in`: family, port, address."""
    port, address = struct.unpack_from("!2xH4s", raw)
    return Address(socket.inet_ntop(socket.AF_INET, address), port)


def _ipv6(raw: bytes) -> Address:
    """`struct sockaddr_in6`: family, port, flow, address, scope."""
    port, address = struct.unpack_from("!2xH4x16s", raw)
    return Address(socket.inet_ntop(socket.AF_INET6, address), port)
