"""Where the other sidecars are: named one by one, in a file, behind a DNS name, or known to Prometheus.

All of it ends as admin addresses, each once, in the order given. Counterpart: `sidecar.peers.gathering`,
which asks them.
"""

from __future__ import annotations

import socket
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sidecar.asking import asked, base
from sidecar.errors import SidecarError, UsageError
from sidecar.values import host_port

ADMIN_PORT = 9702


class Places(NamedTuple):
    """What was said on the command line."""

    urls: Sequence[str] = ()
    file: Path | None = None
    dns: str = ""
    prometheus: str = ""


def addresses(places: Places) -> tuple[str, ...]:
    """Every admin address. Raises UsageError where one cannot be read, SidecarError where nobody answers."""
    found = [base(url) for url in places.urls]
    if places.file is not None:
        found += in_file(places.file)
    if places.dns:
        found += behind(places.dns)
    if places.prometheus:
        found += scraped(places.prometheus)
    if not found:
        raise UsageError(
            "no sidecar to ask: give admin addresses such as http://intent:9702, or --file, --dns"
        )
    return tuple(dict.fromkeys(found))


def named(text: str) -> dict[str, str]:
    """The setting `peers`: `intent=http://intent:9702,action=http://action:9702`. Raises UsageError."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, url = part.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"peers {part}: is not NAME=URL, such as intent=http://intent:9702")
        try:
            found[name.strip()] = base(url.strip())
        except UsageError:
            raise UsageError(
                f"peers {part}: {url or 'nothing'} is not a URL such as http://intent:9702"
            ) from None
    return found


def in_file(path: Path) -> list[str]:
    """One address a line; empty lines and what follows a # are left out."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--file {path}: cannot be read ({error})") from error
    found = []
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            try:
                found.append(base(text))
            except UsageError:
                raise UsageError(
                    f"{path}, line {number}: {text} is not a URL such as http://intent:9702"
                ) from None
    return found


def behind(name: str) -> list[str]:
    """Every address of a DNS name: a headless Kubernetes Service has one for each pod. The port is 9702
    unless given."""
    try:
        host, port = host_port(name if ":" in name else f"{name}:{ADMIN_PORT}")
    except ValueError as error:
        raise UsageError(f"--dns {name}: {error}; give NAME or NAME:PORT") from error
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: no name can be so long
        reason = getattr(error, "strerror", None) or error
        raise SidecarError(f"--dns {name}: {reason}; does that name exist here?") from error
    return sorted({_url(str(info[4][0]), port) for info in infos})


def scraped(prometheus: str) -> list[str]:
    """The targets at which Prometheus found a sidecar that is up (`sidecar_up`)."""
    query = urllib.parse.urlencode({"query": "sidecar_up == 1"})
    found = asked(prometheus, f"/api/v1/query?{query}", _Found)
    return sorted(
        {f"http://{one.metric['instance']}" for one in found.data.result if "instance" in one.metric}
    )


class _Series(msgspec.Struct):
    metric: dict[str, str]
    value: Any = None


class _Data(msgspec.Struct):
    result: tuple[_Series, ...] = ()


class _Found(msgspec.Struct):
    data: _Data


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
