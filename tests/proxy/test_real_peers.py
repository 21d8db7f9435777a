"""Callers and models that other people wrote: aiohttp on both sides, http.client, curl if it is there."""

import asyncio
import http.client
import json
import shutil
import urllib.request
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp import web

from tests.proxy.dialogue import Stage, listening, sidecar

BODY = bytes(range(256)) * 1000


GO = web.AppKey("go", asyncio.Semaphore)
"""Lets the next event go."""


class Real(NamedTuple):
    """A sidecar before an aiohttp server."""

    stage: Stage
    go: asyncio.Semaphore
    url: str


async def echo(request: web.Request) -> web.StreamResponse:
    """The request's body, method and fields, as the model saw them."""
    body = await request.read()
    seen = {"method": request.method, "target": request.raw_path, "fields": list(request.headers.items())}
    return web.Response(
        body=body, headers={"X-Seen": json.dumps(seen), "Content-Type": "application/octet-stream"}
    )


async def events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(5):
        await response.write(b"data: %d\n\n" % number)
        await request.app[GO].acquire()
    return response


async def websocket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await (
            socket.send_str(message.data)
            if message.type is aiohttp.WSMsgType.TEXT
            else socket.send_bytes(message.data)
        )
    return socket


async def compressed(request: web.Request) -> web.Response:
    response = web.Response(text="squeeze me " * 1000)
    response.enable_compression()
    return response


async def missing(request: web.Request) -> web.Response:
    raise web.HTTPNotFound(text="no such model")


@pytest.fixture
async def real() -> AsyncIterator[Real]:
    app = web.Application(client_max_size=2**30)
    app[GO] = asyncio.Semaphore(0)
    app.add_routes(
        [
            web.route("*", "/echo{rest:.*}", echo),
            web.get("/events", events),
            web.get("/ws", websocket),
            web.get("/compressed", compressed),
            web.get("/missing", missing),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    sock = listening()
    await web.SockSite(runner, sock).start()
    async with sidecar(model=sock) as stage:
        yield Real(stage, app[GO], f"http://127.0.0.1:{stage.address[1]}")
        stage.plane.pool.close()
    await runner.cleanup()


# -- aiohttp on both sides -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_and_bodies(real, method):
    async with aiohttp.ClientSession() as session:
        for body in (b"", b"{}", BODY):
            async with session.request(method, real.url + "/echo/%7Ea//b?c=d%20e&c", data=body) as response:
                seen = json.loads(response.headers["X-Seen"])
                assert await response.read() == body
                assert (seen["method"], seen["target"]) == (method, "/echo/~a//b?c=d%20e&c")


async def test_head(real):
    async with aiohttp.ClientSession() as session, session.head(real.url + "/echo") as response:
        assert response.status == 200
        assert await response.read() == b""


async def test_a_chunked_upload(real):
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(BODY), 10_000):
            yield BODY[start : start + 10_000]

    async with (
        aiohttp.ClientSession() as session,
        session.post(real.url + "/echo", data=pieces()) as response,
    ):
        assert await response.read() == BODY


async def test_expect_continue(real):
    request = {"data": BODY, "expect100": True}
    async with aiohttp.ClientSession() as session, session.post(real.url + "/echo", **request) as response:
        assert await response.read() == BODY


async def test_compression_is_between_the_two(real):
    async with aiohttp.ClientSession() as session, session.get(real.url + "/compressed") as response:
        assert response.headers["Content-Encoding"] in ("gzip", "deflate")
        assert await response.text() == "squeeze me " * 1000


async def test_a_failure_of_the_models_own(real):
    async with aiohttp.ClientSession() as session, session.get(real.url + "/missing") as response:
        assert (response.status, await response.text()) == (404, "no such model")
        assert "x-sidecar-error" not in response.headers


async def test_events_as_they_come(real):
    async with aiohttp.ClientSession() as session, session.get(real.url + "/events") as response:
        for number in range(5):
            assert await asyncio.wait_for(response.content.readuntil(b"\n\n"), 2) == b"data: %d\n\n" % number
            real.go.release()
        assert await response.read() == b""


async def test_a_websocket(real):
    async with aiohttp.ClientSession() as session, session.ws_connect(real.url + "/ws") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
        await socket.send_bytes(BODY)
        assert await socket.receive_bytes() == BODY
        await socket.close()
        assert socket.close_code == 1000


async def test_many_at_once(real):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:

        async def call(number: int) -> bool:
            body = b"%d" % number * 100
            async with session.post(real.url + f"/echo/{number}", data=body) as response:
                return await response.read() == body

        assert all(await asyncio.gather(*(call(number) for number in range(300))))
    records = await real.stage.records(300)
    assert {record.failure for record in records} == {""}


# -- others ----------------------------------------------------------------------------------------


def with_http_client(port: int) -> list[tuple[int, bytes]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    answers = []
    for method, body in [
        ("GET", None),
        ("POST", b"x" * 100_000),
        ("POST", iter([b"a", b"b"])),
        ("DELETE", b""),
    ]:
        connection.request(method, "/echo", body=body, encode_chunked=not isinstance(body, bytes | None))
        response = connection.getresponse()
        answers.append((response.status, response.read()))
    connection.close()
    return answers


async def test_http_client(real):
    answers = await asyncio.to_thread(with_http_client, real.stage.address[1])
    assert answers == [(200, b""), (200, b"x" * 100_000), (200, b"ab"), (200, b"")]


async def test_urllib(real):
    def call() -> bytes:
        with urllib.request.urlopen(real.url + "/echo", data=b"form", timeout=5) as response:
            return response.read()

    assert await asyncio.to_thread(call) == b"form"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "option", [[], ["--http1.0"], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]]
)
async def test_curl(real, option):
    curl = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "--max-time", "5", *option, "--data-binary", "@-", real.url + "/echo"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await curl.communicate(BODY)
    assert curl.returncode == 0
    assert out == BODY
