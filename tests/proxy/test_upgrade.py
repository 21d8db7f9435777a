"""Upgrade: the connection leaves HTTP when the model agrees, and bytes pass both ways unread."""

import pytest

from tests.proxy.dialogue import GET, OK, POST, answered, forwarded, http, sidecar

UPGRADE = http(
    "GET /ws HTTP/1.1", "Host: m", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a"
)
SWITCHING = http(
    "HTTP/1.1 101 Switching Protocols", "Sec-WebSocket-Accept: b", "Connection: Upgrade", "Upgrade: websocket"
)


async def test_an_upgrade_passes_bytes_both_ways():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(UPGRADE)
        model = await stage.model()
        arrives = http(
            *(
                "GET /ws HTTP/1.1",
                "Host: m",
                "Sec-WebSocket-Key: a",
                "Connection: Upgrade",
                "Upgrade: websocket",
            )
        )
        assert forwarded(await model.head()) == arrives
        await model.send(SWITCHING)
        assert answered(await caller.head()) == SWITCHING
        for said in (b"\x81\x05hello", bytes(range(256)), b"GET / HTTP/1.1\r\n\r\n", b"\r\n" * 9):
            await caller.send(said)
            assert await model.exactly(len(said)) == said
            await model.send(said[::-1])
            assert await caller.exactly(len(said)) == said[::-1]


async def test_bytes_sent_before_the_switch_are_kept_for_after_it():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(UPGRADE + b"early")
        model = await stage.model()
        await model.head()
        await model.quiet()
        for more in (b" and", b" more"):
            await caller.send(more)
            await model.quiet(0.01)
        await model.send(SWITCHING + b"quick")
        await caller.head()
        assert await caller.exactly(5) == b"quick"
        assert await model.exactly(14) == b"early and more"


async def test_an_upgrade_that_is_declined_leaves_the_connection_speaking_http():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(UPGRADE + GET)  # the second would be early bytes, had the model agreed
        model = await stage.model()
        await model.head()
        await caller.send(POST)
        await model.quiet()
        for _ in range(3):
            await model.send(OK)
            assert (await caller.response()).body == b"ok"
            if _ < 2:
                assert forwarded(await model.request()) == [GET, POST][_]


async def test_the_caller_hangs_up_the_tunnel():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        await caller.send(b"last words")
        caller.close()
        assert await model.rest() == b"last words"
        (record,) = await stage.records()
        assert (record.status, record.failure) == (101, "")


async def test_the_model_hangs_up_the_tunnel():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        await model.send(b"last words")
        model.close()
        assert await caller.rest() == b"last words"


async def test_a_tunnel_has_back_pressure_too():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        assert await caller.flood(50) < 20
        assert await model.flood(50) < 20


async def test_an_upgrade_is_not_retried_and_not_pooled():
    async with sidecar() as stage:
        caller, model = await stage.begin(UPGRADE)
        await model.send(SWITCHING)
        await caller.head()
        caller.close()
        await model.gone()
        assert stage.plane.pool.take() is None


# -- with a body -----------------------------------------------------------------------------------

H2C = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"]
BODIES = {
    # name: (fields, body as sent, body)
    "length": (["Content-Length: 5"], b"hello", b"hello"),
    "empty": (["Content-Length: 0"], b"", b""),
    "chunks": (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
}


@pytest.mark.parametrize("size", [0, 1, 60])
@pytest.mark.parametrize(("framing", "sent", "body"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    "asking", [H2C, ["Connection: Upgrade", "Upgrade: websocket"]], ids=["h2c", "websocket"]
)
async def test_a_body_is_a_body_even_with_an_offer_to_upgrade(asking, framing, sent, body, size):
    """As Java's client makes it with its first call. The parser takes the body for the new protocol."""
    async with sidecar() as stage:
        caller = await stage.caller()
        for _ in range(2):
            await caller.send(
                http("POST /v2 HTTP/1.1", "Host: m", *asking, *framing, body=sent) + POST, size=size
            )
            model = await stage.model() if not _ else model  # noqa: F821
            head = await model.head()
            if body:
                assert forwarded(head) == http("POST /v2 HTTP/1.1", "Host: m", *framing)
            if "chunked" in framing[0]:
                assert (await model.chunks())[0] == body
            else:
                assert await model.exactly(len(body)) == body
            await model.send(OK)
            assert (await caller.response()).body == b"ok"
            assert forwarded(await model.request()) == POST
            await model.send(OK)
            assert (await caller.response()).body == b"ok"


async def test_a_bad_body_with_an_offer_to_upgrade():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(
            http("POST /v2 HTTP/1.1", "Host: m", *H2C, "Transfer-Encoding: chunked", body=b"x\r\n")
        )
        await caller.problem("bad-request")
