"""What may be written on the admin address, and by whom. Pure but for reading the body.

A browser that shows somebody else's page can send a POST here, too. So a body must be of a type that no form
can send and that a browser asks permission for; and whatever a browser sends (it has an Origin) must come
from a page of this very address. Without tokens that is called by number or as localhost: a name could be
anybody's, made to point here; whoever has signed in did so under the name. Counterparts:
`sidecar.console.api`, `guard`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web

from sidecar.console.guard import is_own_name
from sidecar.console.problem import Problem

BODY_BYTES = 16 * 1024 * 1024
"""Bytes of a body of labels at most. More can come in parts."""

BODY_SECONDS = 60.0
"""Seconds that a body may take to come."""


def check(request: web.Request, types: Collection[str], named: bool = False) -> None:
    """Raises Problem unless this may be written here: 403 for a foreign page, 415 for another type. `named`:
    whether an address by name will do, because who writes has shown a token."""
    origin = request.headers.get("Origin")
    if origin is not None and not _own(origin, request.headers.get("Host", ""), named):
        raise Problem(403, "Foreign origin", f"Origin: a page of {origin} may write nothing here")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Problem(403, "Foreign origin", "Sec-Fetch-Site: another site's page may write nothing here")
    if request.content_type not in types:
        raise Problem(
            415, "Unknown type", f"Content-Type: {request.content_type} is none of {', '.join(types)}"
        )


def _own(origin: str, host: str, named: bool) -> bool:
    """Whether a page of `origin` is one of ours, under an address that can't be rebound or whose name
    counts."""
    try:
        place = urlsplit(origin).netloc
    except ValueError:
        return False
    return place.lower() == host.lower() and (named or is_own_name(place))


async def body(request: web.Request, most: int) -> bytes:
    """The whole body, of `most` bytes at most. Raises Problem when it's too long or too slow."""
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.content.iter_any():
                read += piece
                if len(read) > most:
                    hint = "; send it in parts" if most == BODY_BYTES else ""
                    raise Problem(413, "Too long", f"a body has at most {most:,} bytes{hint}")
            return bytes(read)
    except TimeoutError:
        raise Problem(408, "Too slow", f"the body didn't come within {BODY_SECONDS:g} seconds") from None
