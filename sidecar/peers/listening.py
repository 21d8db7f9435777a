"""Listens to the other sidecars of a chain: what their models answered, and whether they drift.

Runs in the observer, once a second for each of the setting `peers`. One that is away is asked again later,
and said to be away once. Counterparts: `sidecar.console.chain_view` answers; `sidecar.observer.lineage`
remembers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from sidecar.asking import bearer
from sidecar.cascade.pairs import Lineage

log = logging.getLogger(__name__)

SECONDS = 1.0
"""Between two questions to the same sidecar."""

AWAY_SECONDS = 10.0
"""Until one that didn't answer is asked again."""

PATIENCE = aiohttp.ClientTimeout(total=5.0)

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of an answer that is read."""

_decode = msgspec.json.Decoder(Lineage).decode


async def keep_listening(
    peers: Mapping[str, str],
    after: Callable[[str], int],
    heard: Callable[[str, Lineage], None],
    token: str = "",
) -> None:
    """Ask every peer (name -> admin address) until cancelled. `after`: where to go on with one; `token` is
    shown to all of them."""
    async with aiohttp.ClientSession(timeout=PATIENCE, trust_env=False, headers=bearer(token)) as session:
        await asyncio.gather(*(_listen(session, name, url, after, heard) for name, url in peers.items()))


async def _listen(
    session: aiohttp.ClientSession,
    name: str,
    url: str,
    after: Callable[[str], int],
    heard: Callable[[str, Lineage], None],
) -> None:
    away = False
    while True:
        try:
            heard(name, await told(session, url, after(name)))
            away = False
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            if not away:
                log.warning("peer %s at %s cannot be heard: %s", name, url, error or type(error).__name__)
            away = True
        await asyncio.sleep(AWAY_SECONDS if away else SECONDS)


async def told(session: aiohttp.ClientSession, url: str, after: int) -> Lineage:
    """What one sidecar tells from there on. Raises ValueError, RecursionError, or what aiohttp does."""
    async with session.get(f"{url}/api/v1/lineage", params={"after": str(after)}) as answer:
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        content = await answer.content.read(MOST_BYTES)
        while len(content) < MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
            content += more
        return _decode(content)
