"""The model's connections: how they are made, when they are kept, and what it means when they cannot be."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.proxy.dialogue import GET, OK, POST, Peer, Stage, forwarded, http, listening, sidecar

EMPTY = http("HTTP/1.1 200 OK", "Content-Length: 0")


async def served(stage: Stage, answer: bytes = OK) -> tuple[Peer, Peer]:
    """A caller and a model after one call."""
    caller, model = await stage.begin(GET)
    await model.send(answer)
    await caller.response()
    return caller, model


# -- kept, or not ----------------------------------------------------------------------------------


async def test_one_connection_serves_many_calls_of_many_callers():
    async with sidecar() as stage:
        _, model = await served(stage)
        for _ in range(3):
            caller = await stage.caller()
            await caller.send(POST)
            await model.request()
            await model.send(OK)
            await caller.response()
        assert stage.plane.counters().upstream_connections == 1


async def test_calls_at_the_same_time_have_connections_of_their_own():
    async with sidecar() as stage:
        calls = [await stage.begin(GET) for _ in range(5)]
        assert stage.plane.counters().upstream_connections == 5
        for number, (_, model) in reversed(list(enumerate(calls))):
            await model.send(http("HTTP/1.1 200 OK", "Content-Length: 1", body=b"%d" % number))
        for number, (caller, _) in enumerate(calls):
            assert (await caller.response()).body == b"%d" % number


async def test_the_latest_used_serves_first():
    """So that the others may be let go."""
    async with sidecar() as stage:
        first, second = [await stage.begin(GET) for _ in range(2)]
        for caller, model in (first, second):
            await model.send(OK)
            await caller.response()
        await first[0].send(GET)
        assert forwarded(await second[1].request()) == GET


NOT_KEPT = {
    "it says so": (GET, http("HTTP/1.1 200 OK", "Connection: close", "Content-Length: 2", body=b"ok")),
    "HTTP/1.0": (GET, http("HTTP/1.0 200 OK", "Content-Length: 2", body=b"ok")),
    "HTTP/1.0 with chunks": (
        GET,
        http("HTTP/1.0 200 OK", "Connection: keep-alive", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    "more than the answer": (GET, OK + b"x"),
    "another answer": (GET, OK + OK),
}


@pytest.mark.parametrize(("request_", "answer"), NOT_KEPT.values(), ids=NOT_KEPT)
async def test_a_connection_that_is_not_kept(request_, answer):
    async with sidecar() as stage:
        caller, model = await stage.begin(request_)
        await model.send(answer)
        assert (await caller.response()).status == 200
        await model.gone()
        await caller.send(GET)
        await stage.model()


async def test_bytes_that_belong_to_nobody_end_an_idle_connection():
    """They would be read as the next caller's answer."""
    async with sidecar() as stage:
        caller, model = await served(stage)
        await model.send(http("HTTP/1.1 408 Request Timeout", "Content-Length: 0"))
        await model.rest()
        await caller.send(GET)
        fresh = await stage.model()
        await fresh.request()
        await fresh.send(OK)
        assert (await caller.response()).status == 200


async def test_an_idle_connection_that_the_model_closes_is_forgotten():
    async with sidecar() as stage:
        caller, model = await served(stage)
        model.close()
        await stage.until(lambda: stage.plane.pool.open == 0, "the connection to be forgotten")
        await caller.send(POST)
        fresh = await stage.model()
        assert forwarded(await fresh.request()) == POST


async def hastily_closed(stage: Stage) -> Peer:
    """A caller whose model has answered once and closed its connection at once, against its word; and once
    more, with a connection that stays."""
    caller, model = await served(stage)
    model.close()
    await stage.until(lambda: stage.plane.pool.open == 0, "the connection to be closed")
    await caller.send(POST)
    fresh = await stage.model()
    await fresh.request()
    await fresh.send(OK)
    assert (await caller.response()).status == 200
    return caller


async def test_a_connection_is_let_rest_where_the_model_closes_others_at_once(monkeypatch):
    """A call on one that is about to be closed could not be sent again."""
    monkeypatch.setattr("sidecar.proxy.upstream.SETTLED_SECONDS", 60.0)
    async with sidecar() as stage:
        caller = await hastily_closed(stage)
        await caller.send(POST)
        third = await stage.model()  # another connection, while the second one may be about to close
        await third.request()
        await third.send(OK)
        assert (await caller.response()).status == 200
        monkeypatch.setattr("sidecar.proxy.upstream.SETTLED_SECONDS", 0.0)
        await caller.send(POST)  # one that has stood long enough serves again
        await stage.no_model()


async def test_a_model_that_keeps_its_connections_again_is_believed_after_a_while(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.upstream.SETTLED_SECONDS", 60.0)
    monkeypatch.setattr("sidecar.proxy.upstream.HASTY_SECONDS", 0.0)
    async with sidecar() as stage:
        caller = await hastily_closed(stage)
        await caller.send(POST)
        await stage.no_model()


async def test_a_connection_that_we_close_says_nothing_of_the_model(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.upstream.SETTLED_SECONDS", 60.0)
    async with sidecar() as stage:
        caller, model = await served(stage)
        await caller.send(POST)
        await model.request()
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", body=b"ok"))
        assert (await caller.response()).status == 200
        await stage.until(lambda: stage.plane.pool.open == 0, "the connection to be closed")
        assert stage.plane.pool.hasty_until == 0.0


async def test_an_idle_connection_is_closed_before_the_model_would(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.upstream.IDLE_SECONDS", 0.1)
    async with sidecar(header_timeout=0.2) as stage:
        _, model = await served(stage)
        await model.gone()


async def test_a_connection_whose_caller_was_slow_serves_the_next():
    """The whole answer came at once while the caller was not reading: the connection must not stay paused."""
    size = 120_000
    async with sidecar(send_buffer=4096) as stage:
        slow = await stage.caller(receive_buffer=4096)
        await slow.send(GET)
        model = await stage.model()
        await model.request()
        await model.send(http("HTTP/1.1 200 OK", f"Content-Length: {size}", body=b"x" * size))
        await stage.records()
        quick = await stage.caller()
        await quick.send(GET)
        await model.request()
        await model.send(OK)
        assert (await quick.response()).body == b"ok"
        assert len((await slow.response()).body) == size


async def test_an_early_answer_does_not_leave_half_a_request_behind():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Content-Length: 9", body=b"1234"))
        model = await stage.model()
        await model.head()
        await model.send(OK)
        await caller.response()
        assert await model.rest() == b"1234"


async def test_a_caller_who_leaves_while_the_connection_is_made_leaves_it_to_the_next():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(GET)
        caller.reset()
        model = await stage.model()
        await stage.records()
        other = await stage.caller()
        await other.send(POST)
        assert forwarded(await model.request()) == POST
        assert stage.plane.pool.open == 1


# -- where the model is ----------------------------------------------------------------------------


async def test_a_unix_socket(tmp_path: Path):
    path = tmp_path / "model.sock"
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    sock.setblocking(False)
    async with sidecar(model=sock, upstream=f"unix:{path}") as stage:
        got, response = await stage.call(GET, OK)
        assert forwarded(got) == GET
        assert response.body == b"ok"


async def test_a_unix_socket_that_is_not_there(tmp_path: Path):
    async with sidecar(upstream=f"unix:{tmp_path / 'none.sock'}") as stage:
        caller = await stage.caller()
        await caller.send(GET)
        problem = await caller.problem("upstream-unreachable")
        assert "none.sock" in problem["detail"]


async def test_ipv6_on_both_sides():
    model = listening(host="::1")
    async with sidecar(model=model, upstream=f"http://[::1]:{model.getsockname()[1]}", host="::1") as stage:
        got, response = await stage.call(GET, OK)
        assert forwarded(got) == GET
        assert response.body == b"ok"
        (record,) = await stage.records()
        assert record.client == "::1"


async def test_a_name():
    model = listening()
    async with sidecar(model=model, upstream=f"http://localhost:{model.getsockname()[1]}") as stage:
        _, response = await stage.call(GET, OK)
        assert response.body == b"ok"


# -- a model that cannot be reached ----------------------------------------------------------------


def unused_port() -> int:
    with listening() as sock:
        return sock.getsockname()[1]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_nobody_listens(method):
    async with sidecar(upstream=f"http://127.0.0.1:{unused_port()}") as stage:
        caller = await stage.caller()
        for _ in range(2):  # the caller's connection is kept
            await caller.send(http(f"{method} / HTTP/1.1", "Host: m"))
            problem = await caller.problem("upstream-refused", to=method)
            assert method == "HEAD" or str(stage.plane.pool.address) in problem["detail"]
        assert stage.plane.pool.state == "down"
        records = await stage.records(2)
        assert {record.failure for record in records} == {"upstream-refused"}


@pytest.mark.parametrize("host", ["no-such-host.invalid", "255.255.255.255", "a..b", "x" * 70, "ä.invalid"])
async def test_an_address_that_leads_nowhere(host):
    async with sidecar(upstream=f"http://{host}:8080") as stage:
        caller = await stage.caller()
        await caller.send(GET)
        await caller.problem("upstream-unreachable")


async def test_a_model_that_does_not_accept():
    """Its backlog is full: the handshake goes unanswered."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = []
    for _ in range(3):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(full.getsockname())
    upstream = f"http://127.0.0.1:{full.getsockname()[1]}"
    async with sidecar(model=full, upstream=upstream, connect_timeout=0.1) as stage:
        caller = await stage.caller()
        await caller.send(POST)
        problem = await caller.problem("upstream-connect-timeout")
        assert "0.1 s" in problem["detail"]
        for sock in waiting:
            sock.close()


async def test_a_large_upload_while_the_model_is_down():
    async with sidecar(upstream=f"http://127.0.0.1:{unused_port()}") as stage:
        caller = await stage.caller()
        await caller.send(
            http("POST / HTTP/1.1", "Host: m", "Content-Length: 10000000", body=b"x" * 1_000_000)
        )
        await caller.problem("upstream-refused")
        caller.finish()
        await caller.gone()


async def test_the_model_comes_back():
    model = listening()
    port = model.getsockname()[1]
    async with sidecar(model=model) as stage:
        caller, connection = await served(stage)
        connection.close()
        model.close()
        await stage.until(lambda: stage.plane.pool.open == 0, "the connection to be forgotten")
        await caller.send(GET)
        await caller.problem("upstream-refused")
        stage.listening = socket.create_server(("127.0.0.1", port))
        stage.listening.setblocking(False)
        with stage.listening:
            await caller.send(GET)
            connection = await stage.model()
            await connection.request()
            await connection.send(OK)
            assert (await caller.response()).status == 200
            assert stage.plane.pool.state == "up"


async def test_many_callers_at_once_while_the_model_is_away():
    async with sidecar(upstream=f"http://127.0.0.1:{unused_port()}") as stage:
        callers = [await stage.caller() for _ in range(50)]
        await asyncio.gather(*(caller.send(GET) for caller in callers))
        for caller in callers:
            await caller.problem("upstream-refused")
        assert stage.plane.counters().failed == {"upstream-refused": 50}
