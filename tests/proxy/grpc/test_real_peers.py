"""grpcio, which most of the world calls and serves gRPC with, at both ends of the data plane."""

import asyncio

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from tests.proxy.grpc.echo import FILES, SYMBOL, off, part, reflect, served

METADATA = (("team", "red"), ("raw-bin", b"\x00\xff\r\n"))


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
        # grpcio rounds the time that it sends up, to few digits: a second may have become 1.01.
        assert 0 < echo.remaining <= 1.1


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_tells_through_the_sidecar_what_the_server_offers(version):
    asked = [part(7, b""), part(4, SYMBOL.encode()), part(4, b"no.such.Service")]
    async with served() as (stage, channel, _):
        reflection = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        )
        told = await off(lambda **how: list(reflection(iter(asked), **how)))
        (record,) = await stage.records()
        assert record.status == 200
    assert told == [reflect(one) for one in asked]
    pool = descriptor_pool.DescriptorPool()
    for file in FILES:
        assert file.serialized_pb in told[1]
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb))
    assert "ModelInfer" in pool.FindServiceByName(SYMBOL).methods_by_name
