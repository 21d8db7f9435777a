"""gRPC over TLS on both sides, also mutual: grpcio at both ends, and what ALPN says."""

import asyncio
import ssl
from pathlib import Path

import grpc
import pytest

from tests.proxy.certificates import Authority, Pair
from tests.proxy.dialogue import listening, sidecar
from tests.proxy.grpc.echo import off, served


def read(pair: Pair) -> tuple[bytes, bytes]:
    """Key and certificate, as grpcio wants them."""
    return Path(pair.key).read_bytes(), Path(pair.certificate).read_bytes()


def believing(authority: Authority, own: Pair | None = None) -> grpc.ChannelCredentials:
    key, certificate = read(own) if own else (None, None)
    return grpc.ssl_channel_credentials(Path(authority.path).read_bytes(), key, certificate)


def showing(pair: Pair, client_ca: Authority | None = None) -> grpc.ServerCredentials:
    roots = Path(client_ca.path).read_bytes() if client_ca else None
    return grpc.ssl_server_credentials([read(pair)], roots, client_ca is not None)


async def test_tls_from_the_caller_and_to_the_model(ours):
    front, behind = ours.issue("sidecar", "127.0.0.1"), ours.issue("model", "127.0.0.1")
    tls = {"tls_cert": front.certificate, "tls_key": front.key, "upstream_ca": ours.path}
    message = bytes(range(256)) * 8192  # 2 MiB, of many records of TLS
    async with served(shows=showing(behind), believes=believing(ours), **tls) as (stage, channel, echo):
        body, call = await off(channel.unary_unary("/echo.Echo/Say").with_call, message)
        assert body == message
        assert dict(call.initial_metadata())["x-anomaly-verdict"] == 'unscored; reason="unknown-format"'
        assert dict(call.trailing_metadata()) == {"ended-bin": b"\x00\x01"}
        chat = channel.stream_stream("/echo.Echo/Chat")
        parts = [b"one", message, b""]
        assert await off(lambda **how: list(chat(iter(parts), **how))) == parts
        waiting = channel.unary_unary("/echo.Echo/Wait").future(b"", timeout=20)
        await stage.until(lambda: echo.remaining > 0, "the model to have the call")
        waiting.cancel()
        assert await asyncio.to_thread(echo.left.wait, 5)


async def test_both_sides_may_ask_for_a_certificate(ours, theirs):
    front, behind = ours.issue("sidecar", "127.0.0.1"), ours.issue("model", "127.0.0.1")
    known, stranger = ours.issue("caller"), theirs.issue("caller")
    tls = {"tls_cert": front.certificate, "tls_key": front.key, "tls_client_ca": ours.path}
    tls |= {"upstream_ca": ours.path, "upstream_cert": front.certificate, "upstream_key": front.key}
    for own in (known, stranger):
        how = {"shows": showing(behind, client_ca=ours), "believes": believing(ours, own)}
        async with served(**how, **tls) as (_, channel, _):
            say = channel.unary_unary("/echo.Echo/Say")
            if own is known:
                assert await off(say, b"hi") == b"hi"
                continue
            with pytest.raises(grpc.RpcError) as failed:
                await off(say, b"hi")
            assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_model_that_cannot_be_believed_is_not_asked(ours, theirs):
    behind = theirs.issue("model", "127.0.0.1")
    async with served(shows=showing(behind), upstream_ca=ours.path) as (_, channel, echo):
        with pytest.raises(grpc.RpcError) as failed:
            await off(channel.unary_unary("/echo.Echo/Say"), b"secret")
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert dict(failed.value.trailing_metadata())["x-sidecar-error"] == "upstream-unreachable"
        assert echo.seen == {}


async def test_alpn_says_h2_to_the_caller_and_to_the_model(ours):
    front, behind = ours.issue("sidecar", "127.0.0.1"), ours.issue("model", "127.0.0.1")
    asked: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    async def model(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*behind)
    context.set_alpn_protocols(["http/1.1", "h2"])
    caller = ssl.create_default_context(cafile=ours.path)
    caller.set_alpn_protocols(["http/1.1", "h2"])
    server = await asyncio.start_server(model, sock=listening(), ssl=context)
    async with server:
        upstream = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        tls = {"tls_cert": front.certificate, "tls_key": front.key, "upstream_ca": ours.path}
        async with sidecar(grpc=True, grpc_upstream=upstream, **tls) as stage:
            assert stage.grpc_address is not None
            _, writer = await asyncio.open_connection(*stage.grpc_address, ssl=caller)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert await asyncio.wait_for(asked, 5) == "h2"
            writer.close()
