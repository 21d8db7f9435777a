"""Whether the model takes a connection, asked at its address and nowhere else."""

import asyncio

import pytest

from examples.processes import free_port
from sidecar.console.probe import accepts


@pytest.mark.parametrize("path", [False, True])
async def test_a_model_that_listens_and_one_that_does_not(tmp_path, path):
    ended = asyncio.Event()

    async def answer(reader, writer):
        writer.close()
        await writer.wait_closed()
        ended.set()

    socket = str(tmp_path / "model.sock")
    if path:
        server, url = await asyncio.start_unix_server(answer, socket), f"unix:{socket}"
    else:
        port = free_port()
        server, url = await asyncio.start_server(answer, "127.0.0.1", port), f"http://127.0.0.1:{port}"
    async with server:
        assert await accepts(url) == ""
        await asyncio.wait_for(ended.wait(), 10)
    if path:
        (tmp_path / "model.sock").unlink(missing_ok=True)
    assert await accepts(url) != ""


async def test_a_name_that_is_none():
    assert await accepts("http://model.invalid:80") != ""
