"""Text to value: how each kind of setting is read, whether it stood in a flag, a variable or a file.

A reader returns the value or raises ValueError with what is wrong about the text. What would be right, and
the bounds, stand with the kind in `sidecar.settings`. Counterpart: `sidecar.sources`, which brings the text.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from sidecar import wanted

DURATIONS = {"": 1, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}
"""Unit -> seconds."""

SIZES = {
    **{"": 1, "B": 1},
    **{"kB": 10**3, "MB": 10**6, "GB": 10**9},
    **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30},
    **{"Ki": 2**10, "Mi": 2**20, "Gi": 2**30},
}
"""Unit -> bytes; the last row is how Kubernetes writes them."""

UNIX_PATH_BYTES = 107
"""What fits into a socket address on Linux, less the closing zero."""

LARGEST = 2.0**53
"""Up to here a float holds every whole number, and no setting needs more."""


def read(text: str, unit: str, kind: Any) -> Any:
    """The value of `text`: `unit` is a key of `READERS`, `kind` the annotated type with its bounds."""
    value = READERS[unit](text.strip())
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise ValueError("is unknown" if isinstance(value, str) else "is out of range") from None


class HostPort(NamedTuple):
    """Where something listens. An IPv6 host stands without its brackets."""

    host: str
    port: int


def host_port(text: str) -> HostPort:
    """Host and port of `127.0.0.1:9700`, `localhost:9700` or `[::1]:9700`. Port 0 is any free port."""
    host, _, port = text.rpartition(":")
    if not host or not re.fullmatch("[0-9]+", port):
        raise ValueError("is not a host, a colon and a port")
    if int(port) > 65535:
        raise ValueError("has a port over 65535")
    _check_host(host)
    return HostPort(host.strip("[]"), int(port))


def _check_host(host: str) -> None:
    if host.startswith("[") and host.endswith("]"):
        try:
            socket.inet_pton(socket.AF_INET6, host[1:-1])
        except OSError:
            raise ValueError("has no IPv6 address in its brackets") from None
    elif ":" in host:
        raise ValueError("has an IPv6 address without brackets")
    elif not re.fullmatch("[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?", host):
        raise ValueError("has a host that is no name and no address")


def _address(text: str) -> str:
    host_port(text)
    return text


def _url(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if scheme == "unix":
        if not rest.startswith("/") or rest.startswith("//"):
            raise ValueError("has no absolute path after unix:")
        if len(rest.encode()) > UNIX_PATH_BYTES:
            raise ValueError(f"has a path over the {UNIX_PATH_BYTES} bytes that a socket may have")
        return text
    if scheme not in ("http", "https") or not rest.startswith("//"):
        raise ValueError("is not a URL of these forms")
    authority, slash, path = rest[2:].partition("/")
    if path or re.search("[?#]", authority):
        raise ValueError("has a path, but the caller's own path is what gets passed on")
    if "@" in authority:
        raise ValueError("has a user name, but the caller's own credentials are what gets passed on")
    if re.search(r":[0-9]*$", authority):
        if host_port(authority).port == 0:
            raise ValueError("has port 0")
    else:
        _check_host(authority)
    return text.removesuffix(slash)


def _web_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("is not a URL of these forms")
    return text


def _whole_number(text: str) -> int:
    if not re.fullmatch("[+-]?[0-9]+(_[0-9]+)*", text):
        raise ValueError("is not a whole number")
    digits = text.replace("_", "")
    _number(digits)  # refuses what is too large
    return int(digits)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise ValueError("is not a number")
    number = float(text)
    if abs(number) > LARGEST:
        raise ValueError("is too large")
    return number


def _seconds(text: str) -> float:
    number, unit = _quantity(text, DURATIONS, "time")
    return round(_number(number) * unit, 9)


def _bytes(text: str) -> int:
    number, unit = _quantity(text, SIZES, "size")
    size = _whole_number(number) if unit == 1 else _number(number) * unit
    if size != int(size):
        raise ValueError("is not a whole number of bytes")
    return int(size)


def _quantity(text: str, units: Mapping[str, float], of: str) -> tuple[str, float]:
    """The number's text and the factor of its unit."""
    number = re.match("[-+0-9._]*([eE][-+]?[0-9]+)?", text)
    assert number is not None  # it matches the empty string, too
    unit = text[number.end() :].strip()
    if not number[0]:
        raise ValueError("is not a number")
    if unit not in units:
        raise ValueError(f'has "{unit}" for a unit of {of}; there are {", ".join(filter(None, units))}')
    return number[0], units[unit]


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters that cannot be seen")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"\S+", text):
        raise ValueError("is not one name" if text else "is empty")
    return text


def _names(text: str) -> str:
    names = [name.strip() for name in text.split(",")]
    if not all(re.fullmatch("[A-Za-z0-9_.-]+", name) for name in names):
        raise ValueError("is not a list of names" if text else "is empty")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"names {' and '.join(twice)} twice")
    return ",".join(names)


def _detectors(text: str) -> str:
    return wanted.written(wanted.read(text))


def _rules(text: str) -> str:
    from sidecar.redaction import redactor  # late: the supervisor needs it for this only

    redactor(text)
    return text


READERS: dict[str, Callable[[str], Any]] = {
    "URL": _url,
    "[URL]": _web_url,
    "[SERVER]": lambda text: text and _url(text),
    "HOST:PORT": _address,
    "[HOST:PORT]": lambda text: _address(text) if text else "",
    "DIR": _text,
    "FILE": _text,
    "TEXT": _text,
    "NAME": _name,
    "NAMES": _names,
    "DETECTORS": _detectors,
    "RULES": _rules,
    "COUNT": _whole_number,
    "BYTES": _bytes,
    "SECONDS": _seconds,
    "SHARE": _number,
    "PROBABILITY": _number,
    "": _text,
}
"""How to read each kind, by the title it has in `sidecar.settings`; the empty one is a choice of words."""
