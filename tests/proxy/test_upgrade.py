"""Upgrade: the connection leaves HTTP when the model agrees, and bytes pass both ways unread."""

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
