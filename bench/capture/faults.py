"""What a broken disk, a killed writer or a bad receiver does to traffic and to captures."""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from examples import launch
from examples.flight import Flight, flight
from examples.traffic import Caller
from sidecar.capture.reading import batches

CALLERS = 2
PAUSE = 0.004
"""Seconds between two calls of one caller: what is measured is the fault, not the load."""

CALM, BROKEN = 5.0, 8.0
QUEUE = "300KiB"
"""So little that a fault of some seconds is felt."""


HEAD = (
    "fault",
    "calls",
    "failed",
    "p50, p99 ms before",
    "meanwhile",
    "captured",
    "kept",
    "dropped",
    "read back",
    "kept again after s",
)


class Fault(NamedTuple):
    """One row of `FAULTS`: the sink's flags, what makes its place, what breaks it and what mends it."""

    name: str
    prepare: Callable[[Path, ExitStack], tuple[str, ...]]
    begin: Callable[[Path, int], None]
    end: Callable[[Path, int], None]


class Call(NamedTuple):
    at: float
    seconds: float
    fault: str


def faults() -> bool:
    """Print the table; whether every row is as it should be."""
    good = True
    print(f"\n## Faults of {BROKEN:g} s under load, queue {QUEUE}, everything captured\n")
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    with tempfile.TemporaryDirectory(prefix="bench-capture-") as name:
        folder, data = Path(name), flight()
        with launch.model(folder) as model:
            baseline = launch.fit(data, folder, "ecod")
            for number, fault in enumerate(FAULTS):
                if os.geteuid() and fault.begin in (_fill, _freeze, _read_only):
                    print(f"| {fault.name} | needs root | | | | | | | | |")
                    continue
                own = folder / str(number)
                own.mkdir()
                good &= _one(fault, own, model.url, baseline, data)
    return good


def _one(fault: Fault, folder: Path, model: str, baseline: Path, data: Flight) -> bool:
    with ExitStack() as stack:
        flags = fault.prepare(folder, stack)
        more = ("--capture-rate", "1", "--capture-queue-bytes", QUEUE, "--capture-segment-seconds", "2")
        usual = ("--baseline", str(baseline), "--run-dir", str(folder / "run"))
        sidecar = stack.enter_context(launch.sidecar(model, folder, (*usual, *more, *flags)))
        with Load(sidecar.url, data) as load:
            time.sleep(CALM)
            began = time.monotonic()
            fault.begin(folder, sidecar.process.pid)
            time.sleep(BROKEN)
            ended = time.monotonic()
            meanwhile = _sink(sidecar.admin_url)
            fault.end(folder, sidecar.process.pid)
            recovered = _until_kept(sidecar.admin_url, meanwhile["kept"])
            time.sleep(1.0)
        told = _settled(sidecar.admin_url)
        sidecar.process.stop()
        writers = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in str(p.info["cmdline"])]
        psutil.wait_procs(writers, timeout=30)
        time.sleep(1.0)
        read = _read(folder, flags)
    before = [one for one in load.calls if one.at < began]
    during = [one for one in load.calls if began <= one.at < ended]
    failed = sum(1 for one in load.calls if one.fault)
    dropped = sum(told["dropped"].values())
    print(
        f"| {fault.name} | {len(load.calls):,} | {failed} | {_percentiles(before)} | {_percentiles(during)} "
        f"| {told['records']:,} | {told['kept']:,} | {dropped:,} | {read:,} | {recovered:.1f} |",
        flush=True,
    )
    return not failed and told["records"] == told["kept"] + dropped and read == told["kept"]


def _percentiles(calls: list[Call]) -> str:
    times = sorted(1000 * one.seconds for one in calls)
    return f"{statistics.median(times):.1f}, {times[int(0.99 * len(times))]:.1f}" if times else "none"


class Load:
    """Callers, each in a thread of its own, while used as a context."""

    def __init__(self, url: str, data: Flight) -> None:
        self.calls: list[Call] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(url, data.clean[i::CALLERS])) for i in range(CALLERS)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, url: str, rows: Any) -> None:
        with Caller(url) as caller:
            number = 0
            while not self._over.is_set():
                began = time.monotonic()
                try:
                    answer = caller.infer(rows[number % len(rows), None])
                    fault = "" if answer.status == 200 and answer.score is not None else str(answer.status)
                except (OSError, http.client.HTTPException) as error:
                    fault = repr(error)
                self.calls.append(Call(began, time.monotonic() - began, fault))
                number += 1
                time.sleep(PAUSE)


def _sink(admin: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{admin}/api/v1/status", timeout=10) as answer:
        (found,) = json.load(answer)["capture"].values()
    return found  # type: ignore[no-any-return]


def _until_kept(admin: str, kept: int) -> float:
    began = time.monotonic()
    while _sink(admin)["kept"] <= kept and time.monotonic() - began < 90:
        time.sleep(0.1)
    return time.monotonic() - began


def _settled(admin: str) -> dict[str, Any]:
    deadline = time.monotonic() + 90
    last = _sink(admin)
    while time.monotonic() < deadline:
        time.sleep(1.0)
        now = _sink(admin)
        if now == last and not now["waiting"]:
            break
        last = now
    return last


def _read(folder: Path, flags: tuple[str, ...]) -> int:
    if flags[0] == "--capture-events":
        return len(RECEIVED)
    return sum(len(batch) for batch in batches(flags[1], ("id",)))


# -- places ----------------------------------------------------------------------------------------


def _folder(folder: Path, stack: ExitStack) -> tuple[str, ...]:
    return ("--capture", str(folder / "captures"))


def _tiny_disk(folder: Path, stack: ExitStack) -> tuple[str, ...]:
    place = folder / "disk"
    place.mkdir()
    _root("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place))
    stack.callback(_root, "umount", "--lazy", str(place))
    return ("--capture", str(place / "captures"))


def _disk(folder: Path, stack: ExitStack) -> tuple[str, ...]:
    """A disk of its own, that can be frozen."""
    place, image = folder / "disk", folder / "image"
    place.mkdir()
    _root("truncate", "--size=64M", str(image))
    _root("mkfs.ext4", "-q", "-F", str(image))
    _root("mount", "-o", "loop", str(image), str(place))
    stack.callback(_root, "umount", "--lazy", str(place))
    return ("--capture", str(place / "captures"))


def _events(folder: Path, stack: ExitStack) -> tuple[str, ...]:
    return ("--capture-events", stack.enter_context(_receiver()))


RECEIVED: set[str] = set()
"""Ids of calls of which both events came."""

ANSWER = {"status": 200, "seconds": 0.0}


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    halves: set[tuple[str, str]] = set()  # noqa: RUF012

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(ANSWER["seconds"])
        if ANSWER["status"] == 200:
            self.halves.add((self.headers["Ce-Id"], self.headers["Ce-Type"]))
            if (
                sum(
                    (self.headers["Ce-Id"], f"org.kubeflow.serving.inference.{half}") in self.halves
                    for half in ("request", "response")
                )
                == 2
            ):
                RECEIVED.add(self.headers["Ce-Id"])
        self.send_response(int(ANSWER["status"]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle_error(self, *args: object) -> None:
        pass


@contextmanager
def _receiver() -> Iterator[str]:
    RECEIVED.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _root(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


# -- faults ----------------------------------------------------------------------------------------


def _nothing(folder: Path, pid: int) -> None:
    pass


def _writer(pid: int) -> psutil.Process:
    everyone = psutil.Process(pid).children(recursive=True)
    return next(one for one in everyone if "sidecar.capture" in one.cmdline())


def _kill(folder: Path, pid: int) -> None:
    _writer(pid).send_signal(signal.SIGKILL)


def _stop(folder: Path, pid: int) -> None:
    _writer(pid).send_signal(signal.SIGSTOP)


def _continue(folder: Path, pid: int) -> None:
    _writer(pid).send_signal(signal.SIGCONT)


def _fill(folder: Path, pid: int) -> None:
    with (folder / "disk" / "filler").open("wb") as file:
        try:
            while True:
                file.write(bytes(65_536))
                file.flush()
        except OSError:
            pass


def _empty(folder: Path, pid: int) -> None:
    (folder / "disk" / "filler").unlink()


def _freeze(folder: Path, pid: int) -> None:
    _root("fsfreeze", "--freeze", str(folder / "disk"))


def _thaw(folder: Path, pid: int) -> None:
    _root("fsfreeze", "--unfreeze", str(folder / "disk"))


def _read_only(folder: Path, pid: int) -> None:
    """A file open for writing keeps a disk from being remounted, so its place is mounted over itself."""
    place = str(folder / "captures")
    _root("mount", "--bind", place, place)
    _root("mount", "-o", "remount,bind,ro", place)


def _writable(folder: Path, pid: int) -> None:
    _root("umount", str(folder / "captures"))


def _answers(status: int, seconds: float = 0.0) -> Callable[[Path, int], None]:
    def act(folder: Path, pid: int) -> None:
        ANSWER.update(status=status, seconds=seconds)

    return act


FAULTS = (
    Fault("none", _folder, _nothing, _nothing),
    Fault("writer killed (-9)", _folder, _kill, _nothing),
    Fault("writer stopped", _folder, _stop, _continue),
    Fault("disk full (tmpfs)", _tiny_disk, _fill, _empty),
    Fault("disk hangs (frozen ext4)", _disk, _freeze, _thaw),
    Fault("disk read-only", _folder, _read_only, _writable),
    Fault("events: answers 500", _events, _answers(500), _answers(200)),
    Fault("events: hangs", _events, _answers(200, 30.0), _answers(200)),
)
