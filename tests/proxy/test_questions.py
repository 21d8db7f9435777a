"""Questions of the sidecar's own: the whole answer comes back, or why there is none; connections are kept
where the model keeps them."""

import asyncio
import contextlib
from time import monotonic

import pytest

from sidecar.errors import CallFailed
from sidecar.exchange import Reply
from sidecar.proxy.heads import request_head
from sidecar.proxy.questions import Questions
from sidecar.settings import Settings
from tests.proxy.dialogue import GET, OK, Peer, http, listening

HEAD = request_head(b"GET", b"/", "1.1", ((b"Host", b"m"),), frozenset())
PATIENT = Settings(upstream="http://127.0.0.1:1", upstream_timeout=5.0)


class Asking:
    """A model at a socket, and somebody who asks it."""

    def __init__(self, sock) -> None:
        self.sock = sock
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.questions = Questions(asyncio.get_running_loop())
        self.peers: list[Peer] = []

    def ask(self, *, head=HEAD, most=100, settings=PATIENT) -> asyncio.Task[Reply]:
        work = self.questions.ask(self.url, head, GET, most=most, settings=settings)
        return asyncio.ensure_future(work)

    async def model(self) -> Peer:
        async with asyncio.timeout(5):
            sock, _ = await asyncio.get_running_loop().sock_accept(self.sock)
        self.peers.append(Peer(sock))
        return self.peers[-1]


@contextlib.asynccontextmanager
async def asking():
    with listening() as sock:
        found = Asking(sock)
        try:
            yield found
        finally:
            found.questions.close()
            for peer in found.peers:
                peer.close()


async def answer(answered: bytes, *, head=HEAD, most=100, end=False) -> Reply:
    """What comes back when the model says this, and perhaps hangs up."""
    async with asking() as found:
        task = found.ask(head=head, most=most)
        model = await found.model()
        assert await model.request() == GET
        await model.send(answered)
        if end:
            model.close()
        return await task


async def test_an_answer_comes_whole():
    reply = await answer(OK)
    assert (reply.status, reply.body) == (200, b"ok")
    assert (b"Content-Length", b"2") in reply.headers


@pytest.mark.parametrize(
    ("answered", "end", "body"),
    [
        (http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"), False, b"ok"),
        (http("HTTP/1.1 100 Continue") + OK, False, b"ok"),
        (http("HTTP/1.1 200 OK", body=b"until the end"), True, b"until the end"),
        (http("HTTP/1.1 204 No Content"), False, b""),
    ],
)
async def test_however_it_is_framed(answered, end, body):
    assert (await answer(answered, end=end)).body == body


async def test_an_answer_to_head_has_no_body():
    head = request_head(b"HEAD", b"/", "1.1", ((b"Host", b"m"),), frozenset())
    assert (await answer(http("HTTP/1.1 200 OK", "Content-Length: 9"), head=head)).body == b""


@pytest.mark.parametrize(
    ("answered", "end", "cause"),
    [
        (http("HTTP/1.1 200 OK", "Content-Length: 9", body=b"sho"), True, "response-truncated"),
        (b"", True, "upstream-closed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False, "upstream-malformed"),
        (http("HTTP/1.1 200 OK", "Content-Length: 101", body=b"x" * 101), False, "upstream-malformed"),
        (http("HTTP/1.1 101 Switching Protocols", "Upgrade: x"), False, "upstream-malformed"),
        (http("HTTP/1.1 200 OK", *["X: " + "y" * 10_000] * 30), False, "upstream-malformed"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000, False, "upstream-malformed"),
    ],
)
async def test_why_there_is_no_answer(answered, end, cause):
    with pytest.raises(CallFailed) as failed:
        await answer(answered, end=end)
    assert failed.value.cause == cause


async def test_a_model_that_says_nothing_is_waited_for_no_longer_than_the_time_out():
    async with asking() as found:
        task = found.ask(settings=Settings(upstream="http://127.0.0.1:1", upstream_timeout=0.05))
        model = await found.model()
        with pytest.raises(CallFailed) as failed:
            await task
        assert failed.value.cause == "upstream-timeout"
        await model.request()
        await model.gone()


async def test_a_connection_is_used_again_until_it_has_been_idle_for_long():
    async with asking() as found:
        task = found.ask()
        model = await found.model()
        for _ in range(3):
            await model.request()
            await model.send(OK)
            await task
            task = found.ask()
        await model.request()
        await model.send(OK)
        await task
        found.questions.expire(monotonic())
        await model.quiet()
        found.questions.expire(monotonic() + 5)
        await model.gone()


async def test_whatever_a_model_says_unasked_ends_its_connection():
    async with asking() as found:
        task = found.ask()
        model = await found.model()
        await model.request()
        await model.send(OK)
        await task
        await model.send(OK)
        await model.gone()
        task = found.ask()
        again = await found.model()
        await again.request()
        await again.send(OK)
        assert (await task).body == b"ok"


async def test_a_model_that_closes_is_not_asked_again_there():
    async with asking() as found:
        task = found.ask()
        model = await found.model()
        await model.request()
        await model.send(http("HTTP/1.1 200 OK", "Connection: close", "Content-Length: 0"))
        await task
        await model.gone()


async def test_certificates_that_are_gone_are_a_question_that_failed():
    questions = Questions(asyncio.get_running_loop())
    settings = Settings(upstream="https://127.0.0.1:1", upstream_ca="/gone.pem")
    with pytest.raises(CallFailed, match=r"upstream-ca /gone\.pem"):
        await questions.ask(settings.upstream, HEAD, GET, most=100, settings=settings)
