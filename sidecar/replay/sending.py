"""Captured calls -> the candidate, a few at a time; its answers come back beside the calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import aiohttp
from yarl import URL

from sidecar.exchange import Reply
from sidecar.replay.pairs import Call, Pair, headers, pair, unfit

ANSWER_BYTES = 16 * 1024 * 1024
"""Bytes of one answer; a longer one counts as failed."""


class Outcome(NamedTuple):
    """What came of a replay. `left_out` and `failed` count calls by reason."""

    pairs: list[Pair]
    left_out: Counter[str]
    failed: Counter[str]


async def replayed(
    calls: Iterable[Call], upstream: str, limit: int, concurrency: int, patience: float
) -> Outcome:
    """Ask the model at `upstream` again, at most `limit` calls, `concurrency` at a time, each for at most
    `patience` seconds."""
    found = Outcome([], Counter(), Counter())
    left = _fit(calls, limit, found.left_out)
    timeout = aiohttp.ClientTimeout(total=patience)
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:

        async def work() -> None:
            for call in left:  # shared: each takes the next one
                answered = await _asked(session, upstream, call)
                told = answered if isinstance(answered, str) else pair(call, answered)
                if isinstance(told, str):
                    found.failed[told] += 1
                else:
                    found.pairs.append(told)

        await asyncio.gather(*(work() for _ in range(concurrency)))
    return found


def _fit(calls: Iterable[Call], limit: int, left_out: Counter[str]) -> Iterator[Call]:
    taken = 0
    for call in calls:
        if why := unfit(call):
            left_out[why] += 1
            continue
        yield call
        taken += 1
        if taken == limit:
            return


async def _asked(session: aiohttp.ClientSession, upstream: str, call: Call) -> Reply | str:
    """The candidate's answer, or why there's none."""
    allowed = headers(call, "request_headers")
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in allowed]
    fields.append(("x-request-id", call["id"]))
    # As it was captured: `%2F` must not become `/`.
    url = URL(upstream.rstrip("/") + call["target"], encoded=True)
    try:
        async with session.request(
            call["method"], url, data=call["request_body"], headers=fields, allow_redirects=False
        ) as reply:
            body = await reply.content.read(ANSWER_BYTES + 1)
            while not reply.content.at_eof() and len(body) <= ANSWER_BYTES:
                body += await reply.content.read(ANSWER_BYTES + 1 - len(body))
    except TimeoutError:
        return "no answer in time"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return f"no answer: {type(error).__name__}"
    if len(body) > ANSWER_BYTES:
        return "an answer that is too long"
    return Reply(reply.status, tuple(_uncompressed(reply.raw_headers)), body)


def _uncompressed(raw: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    return ((name, value) for name, value in raw if name.lower() != b"content-encoding")
