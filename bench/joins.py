"""How often is a call of the model joined to the call it was made for, and how often wrongly?

    python -m bench.joins

A real sidecar with an egress stands before a real model server that calls a second one through it. Callers
send a trace of their own and the request's number in the body; the second server notes which trace came with
which number. Precision: of the calls that were given a parent, the share with the right one. Recall: of all
calls, the share that was given the right parent. Docs: docs/tracing.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, NamedTuple

from aiohttp import ClientSession, TCPConnector, web

from examples import launch
from examples.processes import free_port

CONCURRENCY = (1, 2, 4, 16, 64)
Forwards = Literal["nothing", "request id", "context"]
FORWARDS: dict[Forwards, tuple[str, ...]] = {
    "nothing": (),
    "request id": ("x-request-id",),
    "context": ("traceparent", "tracestate"),
}
THINKS = 0.004
"""Seconds that the model takes on average, before and after it asks the second one."""


class Row(NamedTuple):
    """One line of the table."""

    forwards: Forwards
    concurrency: int
    calls: int
    joined: int
    right: int


class Models:
    """Both servers, and what the second one saw."""

    def __init__(self) -> None:
        self.forwarded: tuple[str, ...] = ()
        self.egress = ""
        self.seen: dict[str, str] = {}
        self.session: ClientSession
        self._random = random.Random(1)

    async def first(self, request: web.Request) -> web.Response:
        """Thinks, asks the second model on the way, thinks again. Passes on what it is told to."""
        body = await request.read()
        await asyncio.sleep(self._random.expovariate(1 / THINKS))
        headers = {name: request.headers[name] for name in self.forwarded if name in request.headers}
        async with self.session.post(f"{self.egress}/second/predict", data=body, headers=headers) as answer:
            await answer.read()
        await asyncio.sleep(self._random.expovariate(1 / THINKS))
        return web.Response(body=body)

    async def second(self, request: web.Request) -> web.Response:
        """Notes the trace that came with a number."""
        number = (await request.read()).decode()
        self.seen[number] = request.headers["traceparent"].split("-")[1]
        return web.Response(text="ok")


async def served(stack: AsyncExitStack, handler: object) -> str:
    app = web.Application()
    app.router.add_post("/{tail:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return f"http://127.0.0.1:{port}"


async def measure(models: Models, url: str, forwards: Forwards, concurrency: int, calls: int) -> Row:
    """Send `calls` calls, `concurrency` at a time."""
    models.forwarded, models.seen = FORWARDS[forwards], {}
    traces = {str(number): f"{random.getrandbits(128) | 1:032x}" for number in range(calls)}
    waiting = iter(traces.items())

    async def caller(session: ClientSession) -> None:
        for number, trace in waiting:
            headers = {"traceparent": f"00-{trace}-00000000000000aa-00", "x-request-id": f"order-{number}"}
            async with session.post(f"{url}/predict", data=number, headers=headers) as answer:
                await answer.read()

    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        await asyncio.gather(*(caller(session) for _ in range(concurrency)))
    ours = set(traces.values())
    joined = [number for number, trace in models.seen.items() if trace in ours]
    right = sum(models.seen[number] == traces[number] for number in joined)
    return Row(forwards, concurrency, len(models.seen), len(joined), right)


async def run(calls: int) -> list[Row]:
    """Every row of the table."""
    models = Models()
    async with AsyncExitStack() as stack:
        models.session = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        first, second = await served(stack, models.first), await served(stack, models.second)
        address = f"127.0.0.1:{free_port()}"
        models.egress = f"http://{address}"
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        flags = ("--egress", address, "--route", f"second={second}")
        sidecar = await asyncio.to_thread(launch.sidecar, first, Path(directory), flags)
        stack.enter_context(sidecar)
        return [
            await measure(models, sidecar.url, forwards, concurrency, calls)
            for forwards in FORWARDS
            for concurrency in CONCURRENCY
        ]


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| the model passes on | calls at once | calls | precision | recall |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        precision = f"{row.right / row.joined:.4f}" if row.joined else "none joined"
        recall = f"{row.right / row.calls:.4f}"
        lines.append(f"| {row.forwards} | {row.concurrency} | {row.calls:,} | {precision} | {recall} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000, help="calls for each row")
    print(table(asyncio.run(run(parser.parse_args().calls))))


if __name__ == "__main__":
    main()
