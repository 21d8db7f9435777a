"""The proxy one would write in an afternoon: aiohttp's server in front of aiohttp's client.

It streams both ways and does nothing else, which makes it the yardstick for what a framework costs.
Run as `python -m bench.rig.plain_aiohttp LISTEN_PORT UPSTREAM_PORT`.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import aiohttp
import uvloop
from aiohttp import web

_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}


async def serve(port: int, upstream: int) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def forward(request: web.BaseRequest) -> web.StreamResponse:
            headers = [
                (name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP
            ]
            body = request.content if request.body_exists else None
            url = f"http://127.0.0.1:{upstream}{request.raw_path}"
            async with session.request(request.method, url, headers=headers, data=body) as answer:
                reply = web.StreamResponse(status=answer.status, reason=answer.reason)
                for name, value in answer.headers.items():
                    if name.lower() not in _HOP_BY_HOP:
                        reply.headers.add(name, value)
                await reply.prepare(request)
                async for chunk in answer.content.iter_any():
                    await reply.write(chunk)
                await reply.write_eof()
                return reply

        await asyncio.get_running_loop().create_server(web.Server(forward), "127.0.0.1", port)
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
