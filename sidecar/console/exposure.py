"""May the admin address be where it is? Asked once, before anything listens; as light as the supervisor is.

Counterpart: `sidecar.console.guard`, which asks of every request who sends it.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from sidecar.errors import UsageError
from sidecar.settings import Settings
from sidecar.values import host_port

LEAST_TOKEN = 16
"""Characters: what is shorter can be guessed."""


def check(settings: Settings) -> None:
    """Refuse an admin address that others reach and that nothing protects. Raises UsageError."""
    for name, file in (
        ("admin-token", settings.admin_token),
        ("admin-read-token", settings.admin_read_token),
    ):
        if file:
            try:
                token = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"{name} {file}: cannot be read: {error}") from error
            if len(token) < LEAST_TOKEN:
                raise UsageError(f"{name} {file}: a token has at least {LEAST_TOKEN} characters")
    host = host_port(settings.admin).host
    if settings.admin_token or settings.admin_read_token or settings.admin_open != "no" or _is_local(host):
        return
    raise UsageError(
        f"admin {settings.admin}: others can reach that, and nothing protects it; give admin-token FILE,"
        " or say by admin-open what they may do without: health, read or write"
    )


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
