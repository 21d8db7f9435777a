"""Process trees: start one, measure its CPU and memory from /proc, and never leave one behind.

A proxy is rarely one process (nginx has a master, sidecar an observer), so every figure here is of the
whole tree, and `Tree.data_plane` picks those processes of it that hold the listening socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

MB = 1e6
"""Bytes. Megabytes here are decimal, as in the targets."""


class Died(Exception):
    """A program that should be running is not, or does not listen. The message ends with its log."""


class Tree:
    """One program and every process it starts. `port` is where its data plane listens.

    `admin` is the port of its metrics, where it has them in sidecar's words.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        port: int,
        log: Path,
        env: Mapping[str, str] | None = None,
        admin: int | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.admin = admin
        self._log = log
        with log.open("wb") as out:
            self._popen = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.root = psutil.Process(self._popen.pid)

    def wait_until_listening(self, seconds: float = 30.0) -> None:
        """Return when its ports take connections. Raises Died with the end of the log."""
        deadline = time.monotonic() + seconds
        for port in filter(None, (self.port, self.admin)):
            while not _takes_connections(port):
                self.processes()
                if time.monotonic() > deadline:
                    raise Died(
                        f"{self.name} does not listen on {port} after {seconds:g} s:\n{self.log_tail()}"
                    )
                time.sleep(0.05)

    def log_tail(self) -> str:
        """The last 2,000 characters it wrote."""
        return self._log.read_text(errors="replace")[-2000:]

    def processes(self) -> list[psutil.Process]:
        """The root and all its living descendants. Raises Died when the root is gone."""
        if self._popen.poll() is not None:
            raise Died(f"{self.name} ended with code {self._popen.returncode}:\n{self.log_tail()}")
        return [self.root, *self.root.children(recursive=True)]

    def data_plane(self) -> list[psutil.Process]:
        """Those that hold the listening socket, less those that only handed it to a child of theirs."""
        holders = [process for process in self.processes() if _listens(process, self.port)]
        masters = {process.ppid() for process in holders}
        return [process for process in holders if process.pid not in masters]

    def pin(self, cores: Collection[int], processes: Sequence[psutil.Process] | None = None) -> None:
        """Let these processes (the whole tree unless given), with all their threads, run on `cores` only."""
        for process in self.processes() if processes is None else processes:
            for thread in process.threads():
                os.sched_setaffinity(thread.id, cores)

    def cpu_seconds(self) -> float:
        """User and system time of the tree so far, its finished children included."""
        return cpu_seconds(self.processes())

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until the tree is idle: work put off until after the answer counts as work of the call.

        Idle is at most one clock tick (10 ms) in 300 ms. False when it never was.
        """
        deadline = time.monotonic() + seconds
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.3)
            now = self.cpu_seconds()
            if now - before <= 0.0101:
                return True
            before = now
        return False

    def stop(self, seconds: float = 10.0) -> None:
        """End the whole tree: politely first, then whatever is left of it by force."""
        with contextlib.suppress(psutil.NoSuchProcess, Died):
            everyone = self.processes()
            self.root.terminate()
            _, alive = psutil.wait_procs(everyone, timeout=seconds)
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(alive, timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """User and system time so far, summed, finished children included."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])  # user, system, and the same two of waited-for children
    return total


def rss(processes: Sequence[psutil.Process]) -> int:
    """Resident bytes, summed. Pages shared between processes count once for each of them."""
    return sum(_status_bytes(process.pid, "VmRSS") for process in processes)


def pss(processes: Sequence[psutil.Process]) -> int:
    """The same with each page that several processes share split among them: what a container counts."""
    total = 0
    for process in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


class Peak:
    """The highest resident memory of some processes since this was made: the kernel's own high-water mark."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = list(processes)
        for process in self._processes:
            # 5 resets VmHWM to the present VmRSS (proc(5), clear_refs).
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        self._before = rss(self._processes)

    def extra(self) -> int:
        """Bytes above the level at which this was made; each process counts with its own highest moment."""
        return sum(_status_bytes(process.pid, "VmHWM") for process in self._processes) - self._before


class Ports:
    """Hands out free TCP ports of 127.0.0.1, each once, below the range that outgoing connections use."""

    def __init__(self) -> None:
        self._candidates = random.sample(range(20000, 32000), 2000)

    def free(self) -> int:
        while self._candidates:
            port = self._candidates.pop()
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
        raise Died("no free port between 20000 and 32000")


@contextlib.contextmanager
def stops_on_signals() -> Iterator[None]:
    """Within it SIGINT, SIGTERM and SIGHUP unwind the stack, so that every tree is stopped."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    kept = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _die_with_parent() -> None:
    # Should the harness itself be killed, the kernel ends what it started.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _listens(process: psutil.Process, port: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(
            socket.status == psutil.CONN_LISTEN and socket.laddr.port == port
            for socket in process.net_connections(kind="tcp")
        )
    return False


def _status_bytes(pid: int, field: str) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0
