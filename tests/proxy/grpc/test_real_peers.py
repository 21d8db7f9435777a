"""grpcio, which most of the world calls and serves gRPC with, at both ends of the data plane."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from tests.proxy.dialogue import Stage, sidecar

ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
METADATA = (("team", "red"), ("raw-bin", b"\x00\xff\r\n"))


class Echo(grpc.GenericRpcHandler):
    """Methods of which nobody has a description."""

    def __init__(self) -> None:
        self.left = threading.Event()
        """A call that was waiting has been cancelled, or its time was up."""
        self.remaining = 0.0
        self.seen: dict[str, Any] = {}

    def service(self, call: Any) -> Any:
        name = call.method.rpartition("/")[2]
        if name == "Say":
            return grpc.unary_unary_rpc_method_handler(self._say)
        if name == "Wait":
            return grpc.unary_unary_rpc_method_handler(self._wait)
        if name == "Chat":
            return grpc.stream_stream_rpc_method_handler(lambda asked, _: asked)
        return None

    def _say(self, body: bytes, context: Any) -> bytes:
        self.seen = dict(context.invocation_metadata())
        if body == b"fail":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "näh: 100 %")
        context.send_initial_metadata((("begun", "1"),))
        context.set_trailing_metadata((("ended-bin", b"\x00\x01"),))
        return body

    def _wait(self, body: bytes, context: Any) -> bytes:
        self.remaining = context.time_remaining() or 0.0
        context.add_callback(self.left.set)
        self.left.wait(10)
        return body


@contextlib.asynccontextmanager
async def served(**how: Any) -> AsyncIterator[tuple[Stage, grpc.Channel, Echo]]:
    """A stage with a real server behind it, and a real channel to it."""
    echo = Echo()
    server = grpc.server(ThreadPoolExecutor(16), handlers=(echo,), options=ANY_SIZE)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    async with sidecar(grpc=True, grpc_upstream=f"http://127.0.0.1:{port}", **how) as stage:
        assert stage.grpc_address is not None
        target = "{}:{}".format(*stage.grpc_address)
        try:
            with grpc.insecure_channel(target, ANY_SIZE) as channel:
                yield stage, channel, echo
        finally:
            await asyncio.to_thread(server.stop(0).wait)


async def off(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """A blocking client, off the loop that the data plane runs on."""
    return await asyncio.to_thread(work, *arguments, timeout=20, **named)


async def test_metadata_trailers_statuses_and_compression():
    async with served() as (stage, channel, echo):
        say = channel.unary_unary("/echo.Echo/Say")
        body, call = await off(say.with_call, b"hi", metadata=METADATA, compression=grpc.Compression.Gzip)
        assert body == b"hi"
        assert (echo.seen["team"], echo.seen["raw-bin"]) == ("red", b"\x00\xff\r\n")
        assert echo.seen["traceparent"]
        begun = dict(call.initial_metadata())
        assert begun["begun"] == "1"
        assert begun["x-anomaly-verdict"] == 'unscored; reason="unknown-format"'
        assert begun["x-request-id"] == echo.seen["x-request-id"]
        assert dict(call.trailing_metadata()) == {"ended-bin": b"\x00\x01"}
        for body, code, detail in (
            (b"fail", grpc.StatusCode.FAILED_PRECONDITION, "näh: 100 %"),
            (None, grpc.StatusCode.UNIMPLEMENTED, "Method not found!"),
        ):
            with pytest.raises(grpc.RpcError) as failed:
                await off(say if body else channel.unary_unary("/echo.Echo/None"), body or b"")
            assert (failed.value.code(), failed.value.details()) == (code, detail)
        assert sorted(r.status for r in await stage.records(3)) == [200, 400, 501]


async def test_a_message_larger_than_every_window_comes_back_the_same():
    message = bytes(range(256)) * (48 * 1024)  # 12 MiB
    async with served() as (_, channel, _):
        assert await off(channel.unary_unary("/echo.Echo/Say"), message) == message
        chat = channel.stream_stream("/echo.Echo/Chat")
        parts = [message[: 1 << 20], b"", message[: 3 << 20]]
        assert await off(lambda **how: list(chat(iter(parts), **how))) == parts


async def test_many_streams_at_once_do_not_mix():
    async with served() as (stage, channel, _):
        chat = channel.stream_stream("/echo.Echo/Chat")

        def all_of_them(timeout: float) -> list[list[bytes]]:
            calls = [chat(iter([b"%d.%d" % (i, j) for j in range(3)]), timeout=timeout) for i in range(100)]
            return [list(call) for call in calls]

        told = await off(all_of_them)
        assert told == [[b"%d.%d" % (i, j) for j in range(3)] for i in range(100)]
        assert len(await stage.records(100)) == 100


async def test_a_cancelled_call_is_cancelled_at_the_model():
    async with served() as (stage, channel, echo):
        waiting = channel.unary_unary("/echo.Echo/Wait").future(b"", timeout=20)
        await stage.until(lambda: echo.remaining > 0, "the model to have the call")
        waiting.cancel()
        assert await asyncio.to_thread(echo.left.wait, 5)
        (record,) = await stage.records()
        assert record.failure == "client-gone"


async def test_a_deadline_is_kept_by_the_model_as_by_the_caller():
    async with served() as (_, channel, echo):
        with pytest.raises(grpc.RpcError) as failed:
            await asyncio.to_thread(channel.unary_unary("/echo.Echo/Wait"), b"", timeout=1.0)
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await asyncio.to_thread(echo.left.wait, 5)
        assert 0 < echo.remaining <= 1.0
