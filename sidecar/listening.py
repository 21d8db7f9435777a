"""Listening sockets: bound by whoever owns an address, also for both families of addresses at once.

`[::]:9700` takes IPv4 and IPv6, as a pod needs that may be called by either; without IPv6 on the machine it
takes IPv4 alone. Counterparts: `sidecar.app` binds where calls come in, `sidecar.console.serve` for admins.
"""

from __future__ import annotations

import contextlib
import errno
import socket


def bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket bound and listening; `shared`: with others on the same port. Raises OSError."""
    try:
        return _bound(host, port, shared)
    except OSError as error:
        # Without IPv6, which says so in one of these ways, everything is the same as all of IPv4.
        if host != "::" or error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _bound("0.0.0.0", port, shared)  # noqa: S104 (asked for)


def _bound(host: str, port: int, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if host == "::":
            with contextlib.suppress(OSError):
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.listen(1024)
    return listening
