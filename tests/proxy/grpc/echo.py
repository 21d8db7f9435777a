"""A server of grpcio's, which most of the world serves gRPC with, behind the data plane, and its callers."""

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tritonclient.grpc import service_pb2

from tests.proxy.dialogue import Stage, sidecar

ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

SYMBOL = "inference.GRPCInferenceService"
FILES = (*service_pb2.DESCRIPTOR.dependencies, service_pb2.DESCRIPTOR)
"""That describe it."""


def part(field: int, *of: bytes) -> bytes:
    """A length-delimited field of protobuf, once for each of these."""
    return b"".join(bytes([field << 3 | 2]) + _varint(len(one)) + one for one in of)


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def reflect(asked: bytes) -> bytes:
    """The answer of gRPC's reflection service (grpc.reflection.v1): to `list_services`, or to
    `file_containing_symbol` with the file that describes it. Source: reflection.proto of the gRPC project."""
    if asked == part(7, b""):
        return part(2, asked) + part(6, part(1, part(1, SYMBOL.encode())))
    if asked == part(4, SYMBOL.encode()):
        files = [
            file.serialized_pb for file in (*service_pb2.DESCRIPTOR.dependencies, service_pb2.DESCRIPTOR)
        ]
        return part(2, asked) + part(4, part(1, *files))
    return part(2, asked) + part(7, b"\x08\x05")  # error_response: NOT_FOUND


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
        if name == "ServerReflectionInfo":
            return grpc.stream_stream_rpc_method_handler(lambda asked, _: map(reflect, asked))
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
async def served(
    *,
    shows: grpc.ServerCredentials | None = None,
    believes: grpc.ChannelCredentials | None = None,
    **how: Any,
) -> AsyncIterator[tuple[Stage, grpc.Channel, Echo]]:
    """A stage with a real server behind it, and a real channel to it. `shows`: what the server has for TLS;
    `believes`: what the channel has."""
    echo = Echo()
    server = grpc.server(ThreadPoolExecutor(16), handlers=(echo,), options=ANY_SIZE)
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, shows) if shows else server.add_insecure_port(address)
    server.start()
    scheme = "https" if shows else "http"
    async with sidecar(grpc=True, grpc_upstream=f"{scheme}://127.0.0.1:{port}", **how) as stage:
        assert stage.grpc_address is not None
        target = "{}:{}".format(*stage.grpc_address)
        open_ = functools.partial(grpc.secure_channel, target, believes) if believes else None
        try:
            with open_(ANY_SIZE) if open_ else grpc.insecure_channel(target, ANY_SIZE) as channel:
                yield stage, channel, echo
        finally:
            await asyncio.to_thread(server.stop(0).wait)


async def off(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """A blocking client, off the loop that the data plane runs on."""
    return await asyncio.to_thread(work, *arguments, timeout=20, **named)
