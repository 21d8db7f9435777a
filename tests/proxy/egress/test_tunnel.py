"""CONNECT: both ways unread, told as one call, and refused when it is no tunnel."""

from tests.proxy.dialogue import http, listening, sidecar
from tests.proxy.egress.test_outbound import heard


async def test_bytes_pass_both_ways():
    far = listening()
    port = far.getsockname()[1]
    with far:
        async with sidecar(egress=True) as stage:
            near = await stage.modelled()
            # The first bytes may come in one packet with the request.
            await near.send(
                http(f"CONNECT 127.0.0.1:{port} HTTP/1.1", f"Host: 127.0.0.1:{port}", body=b"first ")
            )
            other = await stage.accept(far)
            assert await near.until(b"\r\n\r\n") == b"HTTP/1.1 200 Connection Established\r\n\r\n"
            await near.send(b"GET / HTTP/9.9\x00")
            assert await other.exactly(21) == b"first GET / HTTP/9.9\x00"
            await other.send(b"\x16\x03\x01")
            assert await near.exactly(3) == b"\x16\x03\x01"
            other.close()
            await near.gone()
            (outbound,) = await heard(stage)
            assert (outbound.record.method, outbound.to) == ("CONNECT", f"127.0.0.1:{port}")
            assert (outbound.record.request_bytes, outbound.record.response_bytes) == (21, 3)
            assert outbound.record.failure == ""


async def test_megabytes_pass_while_the_other_side_reads():
    far = listening()
    port = far.getsockname()[1]
    with far:
        async with sidecar(egress=True) as stage:
            near = await stage.modelled()
            await near.send(http(f"CONNECT 127.0.0.1:{port} HTTP/1.1", "Host: x"))
            other = await stage.accept(far)
            await near.until(b"\r\n\r\n")
            await near.flood(4)
            assert len(await other.exactly(4 * 2**20)) == 4 * 2**20
            near.close()
            await other.gone()


async def test_a_tunnel_to_nowhere():
    closed = listening()
    port = closed.getsockname()[1]
    closed.close()
    async with sidecar(egress=True) as stage:
        near = await stage.modelled()
        await near.send(http(f"CONNECT 127.0.0.1:{port} HTTP/1.1", "Host: x"))
        await near.problem("upstream-refused")
        for wrong in ("CONNECT nowhere HTTP/1.1", "CONNECT host:0 HTTP/1.1"):
            near = await stage.modelled()
            await near.send(http(wrong, "Host: x"))
            await near.problem("bad-request")


async def test_connect_has_no_body():
    async with sidecar(egress=True) as stage:
        near = await stage.modelled()
        await near.send(http("CONNECT a:1 HTTP/1.1", "Host: x", "Content-Length: 2", body=b"hi"))
        await near.problem("bad-request")


async def test_the_model_side_opens_no_tunnels():
    async with sidecar(egress=True) as stage:
        caller = await stage.caller()
        await caller.send(http("CONNECT a:1 HTTP/1.1", "Host: x"))
        await caller.problem("not-implemented")
