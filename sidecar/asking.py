"""The admin API of a running sidecar, as seen from outside: one question, one typed answer.

Whatever goes wrong becomes a SidecarError that names the address and what to do. Counterpart:
`sidecar.console.api`.
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TypeVar

import msgspec

from sidecar.errors import SidecarError, UsageError

PATIENCE = 180.0
"""Seconds to wait for an answer: a search may come first."""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A sidecar is next door, or at the end of a port-forward: proxies of the environment are not asked."""

Answer = TypeVar("Answer")


def asked(
    admin: str,
    path: str,
    kind: type[Answer],
    body: bytes | None = None,
    content_type: str = "",
    patience: float = PATIENCE,
    token: str | None = None,
) -> Answer:
    """What the sidecar at `admin` answers to GET, or to POST where there's a body. Raises SidecarError.
    `token` is shown to it; unless given that in the file that SIDECAR_ADMIN_TOKEN or SIDECAR_ADMIN_READ_TOKEN
    names."""
    url = base(admin) + path
    headers = {"Content-Type": content_type} if body is not None else {}
    headers |= bearer(_ours() if token is None else token)
    try:
        with _direct.open(urllib.request.Request(url, body, headers), timeout=patience) as reply:  # noqa: S310  base has looked
            content = reply.read()
    except urllib.error.HTTPError as error:
        with error:
            raise SidecarError(_refused(admin, error)) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise SidecarError(
            f"{admin}: no answer ({reason}); is this the admin address of a running sidecar, as `sidecar run"
            " --admin` has it?"
        ) from error
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:
        raise SidecarError(
            f"{url}: an answer that this version cannot read ({error}); is that a sidecar's admin address?"
        ) from error


def bearer(token: str) -> dict[str, str]:
    """The header field that shows a token; none without one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def token_in(file: str) -> str:
    """The token in a file, empty without a file. Raises UsageError."""
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the token in it cannot be read: {error}") from error


def _ours() -> str:
    return token_in(os.environ.get("SIDECAR_ADMIN_TOKEN") or os.environ.get("SIDECAR_ADMIN_READ_TOKEN") or "")


def base(admin: str) -> str:
    """An admin address without its last slash. Raises UsageError when it is none."""
    try:
        parts = urllib.parse.urlsplit(admin)
        right = parts.scheme in ("http", "https") and bool(parts.netloc)
    except ValueError:  # brackets without an address in them
        right = False
    if not right:
        raise UsageError(f"--admin {admin}: is not a URL such as http://127.0.0.1:9702")
    return admin.rstrip("/")


class _Problem(msgspec.Struct):
    detail: str


def _refused(admin: str, error: urllib.error.HTTPError) -> str:
    try:
        return f"{admin}: {msgspec.json.decode(error.read(), type=_Problem).detail}"
    except (ValueError, RecursionError):
        return f"{admin}: answered {error.code}; is that a sidecar's admin address?"
