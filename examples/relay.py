"""A model that asks the next one before it answers, and passes no header on, as most do.

    python -m examples.relay --listen 127.0.0.1:8081 --next http://127.0.0.1:9701/intent

It scales each tensor by `--scale` on the way, so that what it passes on is its own work. The tests make
chains of several, each behind a sidecar with an egress. Counterpart: `examples.server`, which ends a chain.
"""

from __future__ import annotations

import argparse
import asyncio

import msgspec
from aiohttp import ClientSession, web


def scaled(body: bytes, by: float) -> bytes:
    """An inference request of the Open Inference Protocol with all its numbers multiplied."""
    request = msgspec.json.decode(body)
    for tensor in request["inputs"]:
        tensor["data"] = [value * by for value in tensor["data"]]
    return msgspec.json.encode(request)


async def serve(host: str, port: int, following: str, scale: float) -> None:
    """Answer until cancelled."""
    async with ClientSession() as session:

        async def infer(request: web.Request) -> web.Response:
            body = scaled(await request.read(), scale)
            async with session.post(
                f"{following}{request.path}", data=body, headers={"Content-Type": "application/json"}
            ) as answer:
                return web.Response(
                    body=await answer.read(), status=answer.status, content_type="application/json"
                )

        async def ready(request: web.Request) -> web.Response:
            return web.Response()

        app = web.Application()
        app.router.add_get("/v2/health/ready", ready)
        app.router.add_post("/{path:.*}", infer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:8081", metavar="HOST:PORT")
    parser.add_argument(
        "--next", required=True, metavar="URL", help="the model to ask, reached through an egress"
    )
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    asyncio.run(serve(host, int(port), options.next, options.scale))


if __name__ == "__main__":
    main()
