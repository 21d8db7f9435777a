"""Connections to a model: what goes wrong is said in our own words, and who it was."""

import asyncio
import socket

import pytest

from sidecar.errors import CallFailed
from sidecar.proxy.address import upstream
from sidecar.proxy.connecting import connect
from tests.proxy.dialogue import listening


async def test_a_connection_to_a_port_and_to_a_path(tmp_path):
    path = tmp_path / "model.sock"
    with listening() as port, socket.socket(socket.AF_UNIX) as at_path:
        at_path.bind(str(path))
        at_path.listen()
        for url in (f"http://127.0.0.1:{port.getsockname()[1]}", f"unix:{path}"):
            made = []

            class Noted(asyncio.Protocol):
                def connection_made(self, transport):
                    made.append(transport)  # noqa: B023

            assert isinstance(await connect(upstream(url), Noted, 5.0, None, ""), Noted)
            (transport,) = made
            transport.close()


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://127.0.0.1:1", "upstream-refused"),
        ("unix:/nowhere/model.sock", "upstream-unreachable"),
        ("http://a..b:1", "upstream-unreachable"),
    ],
)
async def test_what_goes_wrong(url, cause):
    with pytest.raises(CallFailed) as failed:
        await connect(upstream(url), asyncio.Protocol, 5.0, None, "")
    assert failed.value.cause == cause
    assert str(upstream(url)) in failed.value.detail


async def test_whoever_does_not_accept_in_time():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = upstream(f"http://127.0.0.1:{full.getsockname()[1]}")
        with socket.socket() as first, socket.socket() as second:  # the queue of those it has not accepted
            for one in (first, second):
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            with pytest.raises(CallFailed) as failed:
                await connect(address, asyncio.Protocol, 0.05, None, "")
    assert failed.value.cause == "upstream-connect-timeout"
