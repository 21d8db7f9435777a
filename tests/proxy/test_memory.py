"""A hundred megabytes each way in constant memory, measured on a worker that is a process of its own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from sidecar.settings import Settings
from tests.proxy.dialogue import GET, OK, Peer, http, listening

SIZE = 100_000_000
ALLOWED = 20_000_000
PIECE = bytes(range(256)) * 1024


class Worker:
    """A data plane as `sidecar.app` starts it."""

    def __init__(self, model: socket.socket, run_dir: Path) -> None:
        with listening() as front:
            self.address = front.getsockname()
            settings = Settings(upstream=f"http://127.0.0.1:{model.getsockname()[1]}", drain_timeout=1.0)
            orders = {
                "settings": msgspec.to_builtins(settings),
                "run_dir": str(run_dir),
                "parent": os.getpid(),
            }
            orders |= {"number": 0, "fds": {"listen": front.fileno()}}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sidecar.app", "plane"],
                stdin=subprocess.PIPE,
                pass_fds=[front.fileno()],
            )
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(orders).encode())
            self._process.stdin.close()
        self._memory = psutil.Process(self._process.pid)

    def resident(self) -> int:
        """Bytes."""
        return self._memory.memory_info().rss

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(10) == 0


@pytest.fixture
def model() -> Iterator[socket.socket]:
    with listening() as sock:
        yield sock


@pytest.fixture
def worker(model, tmp_path) -> Iterator[Worker]:
    worker = Worker(model, tmp_path)
    try:
        yield worker
    finally:
        worker.stop()


async def connected(worker: Worker) -> Peer:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, tuple(worker.address))
    return Peer(sock)


async def accepted(model: socket.socket) -> Peer:
    sock, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(model), 10)
    return Peer(sock)


async def send_all(peer: Peer) -> None:
    for _ in range(SIZE // len(PIECE)):
        await peer.send(PIECE)
    await peer.send(PIECE[: SIZE % len(PIECE)])


async def read_all(peer: Peer, worker: Worker, pause: float) -> int:
    """Read a body, now and then slowly; the most memory that the worker had meanwhile."""
    most = 0
    loop = asyncio.get_running_loop()
    left = SIZE - len(peer.unread)
    step = 0
    while left:
        left -= len(await asyncio.wait_for(loop.sock_recv(peer.sock, min(left, 1_000_000)), 10))
        step += 1
        if step % 20 == 0:
            most = max(most, worker.resident())
            await asyncio.sleep(pause)
    peer.unread = b""
    return most


@pytest.mark.parametrize("pause", [0.0, 0.01], ids=["quick reader", "slow reader"])
async def test_a_hundred_megabytes_up_and_down(worker, model, pause):
    caller = await connected(worker)
    await caller.send(GET)
    there = await accepted(model)
    await there.head()
    await there.send(OK)
    await caller.response()
    before = worker.resident()

    await caller.send(http("POST /up HTTP/1.1", "Host: m", f"Content-Length: {SIZE}"))
    await there.head()
    sending = asyncio.ensure_future(send_all(caller))
    up = await read_all(there, worker, pause) - before
    await sending

    await there.send(http("HTTP/1.1 200 OK", f"Content-Length: {SIZE}"))
    await caller.head()
    sending = asyncio.ensure_future(send_all(there))
    down = await read_all(caller, worker, pause) - before
    await sending
    print(f"{SIZE / 1e6:.0f} MB: {up / 1e6:.1f} MB more on the way up, {down / 1e6:.1f} MB on the way down")
    assert max(up, down) < ALLOWED
    caller.close()
    there.close()
