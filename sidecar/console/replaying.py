"""Asks the model old questions again, now and then, past the data plane, so that nothing of it is counted.

Counterpart: `sidecar.observer.canary`, which keeps them and judges the answers. One question at a time: a
model must not notice.
"""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import msgspec

from sidecar.exchange import Record
from sidecar.observer.canary import Canary, read
from sidecar.observer.observer import Observer
from sidecar.observer.paired import Side
from sidecar.proxy.tls import upstream_context
from sidecar.settings import Settings

log = logging.getLogger(__name__)

PATIENCE = aiohttp.ClientTimeout(total=30.0)

CARRIED = frozenset(
    {b"content-type", b"content-encoding", b"accept", b"inference-header-content-length", b"authorization"}
)
"""Header fields that a question keeps: what it is, what is wanted, and who may ask."""


async def keep_replaying(observer: Observer, settings: Settings) -> None:
    """A round every `canary-seconds`, until cancelled."""
    async with _session(settings) as session:
        while True:
            await asyncio.sleep(settings.canary_seconds)
            await one_round(session, _origin(settings), observer.canary, observer.clock())


async def one_round(session: aiohttp.ClientSession, origin: str, canary: Canary, now: float) -> None:
    """Ask every question once."""
    answers = [await _asked(session, origin, record) for record, _ in canary.questions]
    canary.judge(answers, now)


async def _asked(session: aiohttp.ClientSession, origin: str, record: Record) -> Side | None:
    headers = [(n.decode(), v.decode("latin-1")) for n, v in record.request_headers if n.lower() in CARRIED]
    headers.append(("User-Agent", "sidecar-canary"))
    try:
        async with session.request(
            record.method, origin + record.target, data=record.request_body, headers=headers
        ) as reply:
            body = await reply.read()
            fields = tuple(reply.raw_headers)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.info("an old question was not answered: %s", error or type(error).__name__)
        return None
    if reply.status != record.status:
        return None
    return read(msgspec.structs.replace(record, response_body=body, response_headers=fields))


def _session(settings: Settings) -> aiohttp.ClientSession:
    """Sessions speak to the model as the data plane does: its socket, its certificates."""
    connector: aiohttp.BaseConnector
    if settings.upstream.startswith("unix:"):
        connector = aiohttp.UnixConnector(settings.upstream.removeprefix("unix:"))
    else:
        context = upstream_context(settings, settings.upstream.startswith("https:"))
        connector = aiohttp.TCPConnector(ssl=context or True)
    return aiohttp.ClientSession(
        connector=connector, timeout=PATIENCE, trust_env=False, auto_decompress=False
    )


def _origin(settings: Settings) -> str:
    return "http://localhost" if settings.upstream.startswith("unix:") else settings.upstream.rstrip("/")
