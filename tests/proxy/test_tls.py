"""TLS on both sides, also mutual: who is let in, who is believed, and what is said when not."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.errors import UsageError
from sidecar.proxy.heads import request_head
from sidecar.proxy.tls import listener_context, upstream_context
from sidecar.settings import Settings
from tests.proxy.certificates import Authority
from tests.proxy.dialogue import GET, OK, forwarded, http, listening, sidecar

# -- callers ---------------------------------------------------------------------------------------


def caller_context(authority: Authority, own: tuple[str, str] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.path)
    if own:
        context.load_cert_chain(*own)
    return context


async def talk(address: tuple[str, int], context: ssl.SSLContext, said: bytes, *, wait: bool = True) -> bytes:
    """Say something over TLS and close the sending side as far as TLS can; what comes back until the end."""
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.read(-1) if wait else reader.readuntil(b"\r\n\r\n"), 5)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


CLOSING = http("GET / HTTP/1.1", "Host: m", "Connection: close")


async def test_callers_over_tls(ours):
    pair = ours.issue("sidecar", "127.0.0.1")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key) as stage:
        talking = asyncio.ensure_future(talk(stage.address, caller_context(ours), CLOSING))
        model = await stage.model()
        assert forwarded(await model.request()) == GET
        await model.send(OK)
        assert (await talking).endswith(b"\r\n\r\nok")


async def test_a_renewed_certificate_is_shown_to_connections_to_come(ours, theirs):
    pair, renewed = ours.issue("sidecar", "127.0.0.1"), theirs.issue("renewed", "127.0.0.1")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key) as stage:
        Path(pair.certificate).write_bytes(Path(renewed.certificate).read_bytes())
        Path(pair.key).write_bytes(Path(renewed.key).read_bytes())
        await stage.retune(stage.plane.settings)
        talking = asyncio.ensure_future(talk(stage.address, caller_context(theirs), CLOSING))
        model = await stage.model()
        await model.request()
        await model.send(OK)
        assert (await talking).endswith(b"\r\n\r\nok")


async def test_a_certificate_that_cannot_be_read_leaves_the_old_one(ours):
    pair = ours.issue("sidecar", "127.0.0.1")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key, errors=1) as stage:
        Path(pair.certificate).write_text("no certificate")
        await stage.retune(stage.plane.settings)
        talking = asyncio.ensure_future(talk(stage.address, caller_context(ours), CLOSING))
        model = await stage.model()
        await model.request()
        await model.send(OK)
        assert (await talking).endswith(b"\r\n\r\nok")


async def test_large_bodies_both_ways_over_tls(ours):
    pair = ours.issue("sidecar", "127.0.0.1")
    body = bytes(range(256)) * 8000
    request = http(
        "POST / HTTP/1.1", "Host: m", "Connection: close", f"Content-Length: {len(body)}", body=body
    )
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key) as stage:
        talking = asyncio.ensure_future(talk(stage.address, caller_context(ours), request))
        model = await stage.model()
        assert (await model.request()).endswith(body)
        await model.send(http("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", body=body))
        assert (await talking).endswith(body)


async def test_a_caller_over_tls_that_leaves(ours):
    pair = ours.issue("sidecar", "127.0.0.1")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key) as stage:
        _, writer = await asyncio.open_connection(*stage.address, ssl=caller_context(ours))
        writer.write(GET)
        model = await stage.model()
        await model.request()
        writer.close()
        await model.rest()
        (record,) = await stage.records()
        assert record.failure == "client-gone"


async def test_a_truncated_answer_over_tls(ours):
    pair = ours.issue("sidecar", "127.0.0.1")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key) as stage:
        talking = asyncio.ensure_future(talk(stage.address, caller_context(ours), GET))
        model = await stage.model()
        await model.request()
        await model.send(http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"))
        model.reset()
        assert not (await talking).endswith(b"0\r\n\r\n")


async def test_plain_http_to_the_tls_port_is_refused(ours):
    pair = ours.issue("sidecar", "127.0.0.1")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key) as stage:
        caller = await stage.caller()
        await caller.send(GET)
        assert b"HTTP" not in await caller.rest()


async def test_a_caller_that_never_shakes_hands(ours):
    pair = ours.issue("sidecar", "127.0.0.1")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key, header_timeout=0.2) as stage:
        caller = await stage.caller()
        await caller.gone()


async def test_a_caller_must_show_a_certificate_when_asked(ours, theirs):
    pair, known, stranger = ours.issue("sidecar", "127.0.0.1"), ours.issue("caller"), theirs.issue("caller")
    async with sidecar(tls_cert=pair.certificate, tls_key=pair.key, tls_client_ca=ours.path) as stage:
        for own in (None, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await talk(stage.address, caller_context(ours, own), CLOSING, wait=False)
        talking = asyncio.ensure_future(talk(stage.address, caller_context(ours, known), CLOSING))
        model = await stage.model()
        await model.request()
        await model.send(OK)
        assert (await talking).endswith(b"ok")


# -- the model -------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def tls_model(context: ssl.SSLContext) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A model behind TLS that answers every request: its port, and the heads it got."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, sock=listening(), ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


def model_context(own: tuple[str, str], client_ca: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_model_behind_tls(ours):
    async with (
        tls_model(model_context(ours.issue("model", "127.0.0.1"))) as (port, heads),
        sidecar(upstream=f"https://127.0.0.1:{port}", upstream_ca=ours.path) as stage,
    ):
        caller = await stage.caller()
        for _ in range(3):
            await caller.send(GET)
            assert (await caller.response()).body == b"ok"
        assert [forwarded(head) for head in heads] == [GET] * 3
        assert stage.plane.pool.open == 1
        stage.plane.pool.close()


async def test_a_model_with_a_name_of_its_own(ours):
    async with (
        tls_model(model_context(ours.issue("model", "model.internal"))) as (port, _),
        sidecar(
            upstream=f"https://127.0.0.1:{port}", upstream_ca=ours.path, upstream_server_name="model.internal"
        ) as stage,
    ):
        caller = await stage.caller()
        await caller.send(GET)
        assert (await caller.response()).body == b"ok"
        head, settings = (
            request_head(b"GET", b"/", "1.1", ((b"Host", b"m"),), frozenset()),
            stage.plane.settings,
        )
        asking = stage.plane.squeezing.questions  # our own questions to the same model
        assert (await asking.ask(settings.upstream, head, GET, most=9, settings=settings)).body == b"ok"
        asking.close()
        stage.plane.pool.close()


UNTRUSTED = {
    # name: (who signs, for which host)
    "another authority": ("theirs", "127.0.0.1"),
    "another name": ("ours", "evil.example"),
}


@pytest.mark.parametrize(("signer", "host"), UNTRUSTED.values(), ids=UNTRUSTED)
async def test_a_model_that_cannot_be_believed(ours, theirs, signer, host):
    pair = (ours if signer == "ours" else theirs).issue("model", host)
    async with (
        tls_model(model_context(pair)) as (port, heads),
        sidecar(upstream=f"https://127.0.0.1:{port}", upstream_ca=ours.path) as stage,
    ):
        caller = await stage.caller()
        await caller.send(GET)
        problem = await caller.problem("upstream-unreachable")
        assert "certificate" in problem["detail"].lower()
        assert heads == []


async def test_a_model_that_speaks_no_tls(ours):
    model = listening()
    async with sidecar(
        model=model, upstream=f"https://127.0.0.1:{model.getsockname()[1]}", upstream_ca=ours.path
    ) as stage:
        caller = await stage.caller()
        await caller.send(GET)
        plain = await stage.model()
        await plain.send(OK)
        await caller.problem("upstream-unreachable")


async def test_a_model_that_asks_for_our_certificate(ours):
    own = ours.issue("sidecar")
    context = model_context(ours.issue("model", "127.0.0.1"), ours.path)
    async with tls_model(context) as (port, _):
        upstream = {"upstream": f"https://127.0.0.1:{port}", "upstream_ca": ours.path}
        async with sidecar(**upstream, upstream_cert=own.certificate, upstream_key=own.key) as stage:
            caller = await stage.caller()
            await caller.send(GET)
            assert (await caller.response()).body == b"ok"
            stage.plane.pool.close()
        async with sidecar(**upstream) as stage:
            caller = await stage.caller()
            await caller.send(GET)
            response = await caller.response()
            assert response.status == 502  # TLS 1.3 tells only after the handshake


# -- settings --------------------------------------------------------------------------------------

UNREADABLE = {
    # setting: other settings that make it matter
    "tls_cert": {},
    "tls_client_ca": {"tls_cert": "OURS"},
    "upstream_ca": {},
    "upstream_cert": {},
}


@pytest.mark.parametrize("setting", UNREADABLE)
def test_a_file_that_cannot_be_used_is_named(setting, ours, tmp_path):
    pair = ours.issue("sidecar")
    both = tmp_path / "both.pem"
    both.write_text(Path(pair.certificate).read_text() + Path(pair.key).read_text())
    (tmp_path / "none.pem").write_text("not PEM")
    for wrong in ("none.pem", "missing.pem"):
        settings = {name: str(both) for name in UNREADABLE[setting]} | {setting: str(tmp_path / wrong)}
        with pytest.raises(UsageError, match=f"{setting.replace('_', '-')} .*{wrong}"):
            contexts(Settings(upstream="https://m", **settings))


def test_a_key_in_the_file_of_the_certificate(ours, tmp_path):
    pair = ours.issue("sidecar")
    both = tmp_path / "both.pem"
    both.write_text(Path(pair.certificate).read_text() + Path(pair.key).read_text())
    listener, upstream = contexts(Settings(upstream="https://m", tls_cert=str(both), upstream_cert=str(both)))
    assert listener is not None
    assert upstream is not None


def test_no_tls_unless_asked_for():
    settings = Settings(upstream="http://m")
    assert listener_context(settings) is None
    assert upstream_context(settings, tls=False) is None


def contexts(settings: Settings) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    return listener_context(settings), upstream_context(settings, tls=True)
