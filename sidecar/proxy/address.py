"""Addresses as settings write them: `host:port`, `[::1]:port`, `http(s)://host:port`, `unix:/path`."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from sidecar.errors import UsageError


class Address(msgspec.Struct, frozen=True):
    """Where to connect or listen: a TCP host and port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = False

    @property
    def authority(self) -> bytes:
        """What a Host field says of it."""
        return (self.host if self.path else str(self)).encode()

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def upstream(url: str) -> Address:
    """Read the `upstream` setting. Raises UsageError."""
    if url.startswith("unix:"):
        return Address(host="localhost", path=url.removeprefix("unix:"))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f'upstream "{url}": expected http://host:port, https://host:port or unix:/path')
    tls = parts.scheme == "https"
    return Address(host=parts.hostname, port=parts.port or (443 if tls else 80), tls=tls)


def listen(text: str) -> Address:
    """Read an address to listen on. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise UsageError(f'address "{text}": expected host:port, for example 127.0.0.1:9700 or [::1]:9700')
    return Address(host=host.strip("[]"), port=int(port))
