"""How handlers of the admin API answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from sidecar.console.views import View

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAMES = ("model", "version", "route")
"""Parameters that choose flows."""


def json_answer(value: View, status: int = 200) -> web.Response:
    """An answer as data."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
