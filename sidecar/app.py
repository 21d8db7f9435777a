"""The composition root: one supervisor, N data planes, one observer.

The supervisor imports little and does little: it owns the listening sockets, starts the other
processes, starts them again when they die, and passes signals on; on SIGHUP it reads its settings
again. Callers wait in the socket's backlog while a data plane comes back; traffic goes on while the
observer does.

    sidecar run  ->  supervisor (this process)
                       |- data plane 0..N-1   python -m sidecar.app plane     (sidecar.proxy)
                       |- PyOD's worker       python -m sidecar.app pyod      (sidecar.baseline.worker)
                       `- observer            python -m sidecar.app observer  (sidecar.console)

PyOD's worker is there only where a detector has no compiled form.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import msgspec

from sidecar.console import exposure
from sidecar.errors import SidecarError, UsageError
from sidecar.listening import bound
from sidecar.logs import configure
from sidecar.policy.watching import LOOK_SECONDS, Watching
from sidecar.proxy.address import Address
from sidecar.proxy.address import listen as listen_address
from sidecar.retuning import retuned
from sidecar.settings import RETUNED, Settings

log = logging.getLogger(__name__)

SLOWEST_RESTART = 5.0
"""Seconds between two starts of a process that keeps dying."""

STEADY = 10.0
"""Seconds after which a process counts as steady, and its next death as its first."""

WRONG_SETTING = 2
"""Exit status of the check when a setting is at fault, not what it points to."""

NEEDS_WORKER = b"pyod"
"""What the check says when PyOD's worker is needed."""

GRACE = 3.0
"""Seconds beyond drain-timeout before a process that will not end is killed."""

RUN_DIR_BYTES = 107 - len("/observer.sock")
"""Of its name: a socket's has 107."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Told to the observer, whose matrices are small: threads would take the model's cores to wait for others."""


class Child:
    """One process that has to be there. `tend` starts it again, at once first, then ever slower."""

    def __init__(self, role: str, number: int, orders: bytes, fds: tuple[int, ...]) -> None:
        self.name = f"{role} {number}" if role == "plane" else role
        self.is_plane = role == "plane"
        self.restarts = 0
        self._role = role
        self._orders = orders
        self._fds = fds
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._wait = 0.0

    def retune(self, settings: Settings) -> None:
        """Go by these settings from the next start on."""
        orders = json.loads(self._orders)
        self._orders = json.dumps(orders | {"settings": msgspec.to_builtins(settings)}).encode()

    def start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sidecar.app", self._role],
            stdin=subprocess.PIPE,
            pass_fds=self._fds,
            env=ONE_THREAD | os.environ if self._role == "observer" else None,
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(self._orders)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def tend(self, now: float) -> None:
        """Start the process again if it has ended and its wait is over."""
        if self._process is None or (status := self._process.poll()) is None:
            return
        if self._wait == 0.0 or now - self._started > STEADY:
            self._wait = 0.1
        if now - self._started < self._wait:
            return
        self.restarts += 1
        self._wait = min(self._wait * 2, SLOWEST_RESTART)
        log.error("%s ended with status %s; starting it again", self.name, status)
        try:
            self.start()
        except OSError as error:  # no memory, or no descriptor, is left: the others go on, and so do we
            log.error("%s cannot be started: %s", self.name, error)

    def status(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, until: float) -> None:
        """Wait for the end; kill at `until` (monotonic seconds)."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("%s did not end in time and is killed", self.name)
            self._process.kill()
            self._process.wait()


def run(settings: Settings, read: Callable[[], Settings]) -> int:
    """`sidecar run`: until SIGTERM or SIGINT. `read` reads the settings again, on SIGHUP. Returns the exit
    status."""
    configure(settings.log_level, "supervisor")
    if settings.grpc_listen and not settings.grpc_upstream:
        raise UsageError("grpc-listen needs grpc-upstream: the URL where the model server takes gRPC")
    exposure.check(settings)
    needs_worker = _check_files(settings)
    with _bind("admin", settings.admin):  # the observer will; whoever cannot is told now
        listening = [_bind_all(settings) for _ in range(settings.workers)]
    run_dir = _run_dir(settings)
    policies = Watching(Path(settings.policy), run_dir) if settings.policy else None
    try:
        if policies is not None:
            policies.first()
        children = _children(settings, run_dir, listening, needs_worker=needs_worker)
        return _supervise(children, _Tuning(settings, read, run_dir), policies)
    finally:
        if policies is not None:
            policies.close()
        for sockets in listening:
            for one in sockets.values():
                one.close()
        if not settings.run_dir:
            shutil.rmtree(run_dir, ignore_errors=True)


def _run_dir(settings: Settings) -> Path:
    """The directory of sockets and snapshots, made if need be."""
    try:
        run_dir = Path(settings.run_dir or tempfile.mkdtemp(prefix="sidecar-"))
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        where = error.filename or settings.run_dir
        raise UsageError(f"run-dir {where}: {error.strerror or error}") from error
    try:
        tempfile.TemporaryFile(dir=run_dir).close()  # tried, for capabilities may allow what modes don't
    except OSError as error:
        raise UsageError(f"run-dir {run_dir}: may not be written by user {os.getuid()}") from error
    if len(os.fsencode(run_dir)) > RUN_DIR_BYTES:
        raise UsageError(f"run-dir {run_dir}: its name has {RUN_DIR_BYTES} bytes at most, for sockets in it")
    return run_dir


def _check_files(settings: Settings) -> bool:
    """Refuse a bad baseline or certificate here, once, before anything listens: not in each child, again and
    again. In a process of its own, so that this one stays small. Returns whether PyOD's worker is needed."""
    files = settings.baseline or settings.tls_cert or settings.upstream_ca or settings.upstream_cert
    files = files or settings.route or settings.capture or settings.capture_events or settings.peers
    usual = settings.detectors == Settings(upstream=settings.upstream).detectors
    if not (files or settings.upstream.startswith("https:")) and usual:
        return False
    checked = subprocess.run(
        [sys.executable, "-m", "sidecar.app", "check"],
        input=_orders(settings),
        capture_output=True,
        check=False,
    )
    if checked.returncode:
        said = checked.stderr.decode().strip().rpartition("\n")[2]
        raise (UsageError if checked.returncode == WRONG_SETTING else SidecarError)(said)
    return checked.stdout.strip() == NEEDS_WORKER


def _bind(setting: str, value: str, sharing: int = 1) -> socket.socket:
    """A socket bound to the address that `setting` names; `sharing`: how many will be bound to it."""
    address: Address = listen_address(value)
    try:
        return bound(address.host, address.port, shared=sharing > 1)
    except OSError as error:
        raise UsageError(f"{setting} {value}: {error.strerror}") from error


def _bind_all(settings: Settings) -> dict[str, socket.socket]:
    """The sockets of one worker, by what it takes there."""
    places = {"listen": settings.listen, "egress": settings.egress, "grpc-listen": settings.grpc_listen}
    return {name: _bind(name, place, settings.workers) for name, place in places.items() if place}


def _orders(settings: Settings, **more: object) -> bytes:
    """What another process is told on its standard input."""
    return json.dumps({"settings": msgspec.to_builtins(settings), "parent": os.getpid(), **more}).encode()


def _children(
    settings: Settings,
    run_dir: Path,
    listening: list[dict[str, socket.socket]],
    *,
    needs_worker: bool,
) -> list[Child]:
    where = {"run_dir": str(run_dir)}
    planes = []
    for number, sockets in enumerate(listening):
        fds = {name: one.fileno() for name, one in sockets.items()}
        orders = _orders(settings, number=number, fds=fds, **where)
        planes.append(Child("plane", number, orders, tuple(fds.values())))
    others = ("pyod", "observer") if needs_worker else ("observer",)
    return [*planes, *(Child(role, 0, _orders(settings, **where), ()) for role in others)]


class _Tuning:
    """The settings in force, and how they change."""

    def __init__(self, settings: Settings, read: Callable[[], Settings], run_dir: Path) -> None:
        self.settings = settings
        self._read = read
        self._path = run_dir / RETUNED

    def again(self, children: list[Child]) -> None:
        """Read the settings again and pass on what may change. Bad ones change nothing."""
        try:
            found = retuned(self.settings, self._read())
            self._leave(found.settings)
        except (SidecarError, OSError) as error:
            log.error("settings not read again, the old ones stay: %s", error)
            return
        if found.refused:
            log.warning("not changed, because it needs a restart: %s", ", ".join(found.refused))
        self.settings = found.settings
        for child in children:
            child.retune(found.settings)
        for child in children:
            if child.is_plane:
                child.signal(signal.SIGHUP)
        logging.getLogger().setLevel(found.settings.log_level.upper())
        log.info("settings read again; changed: %s", ", ".join(found.changed) or "none")

    def _leave(self, settings: Settings) -> None:
        """Leave them where the data planes will read them. Raises OSError."""
        part = self._path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(settings))
        part.replace(self._path)


def _supervise(children: list[Child], tuning: _Tuning, policies: Watching | None) -> int:
    asked: list[int] = []
    hung_up: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    signal.signal(signal.SIGHUP, lambda number, frame: hung_up.append(number))
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # only to end the sleep below early
    for child in children:
        child.start()
    wake_read, wake_write = socket.socketpair()
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
    wake_read.settimeout(LOOK_SECONDS if policies is not None else 0.2)
    while not asked:
        with contextlib.suppress(TimeoutError):
            wake_read.recv(64)
        if hung_up:
            hung_up.clear()
            tuning.again(children)
        if policies is not None:
            policies.tend()
        now = time.monotonic()
        for child in children:
            child.tend(now)
    planes = [child for child in children if child.is_plane]
    others = [child for child in children if not child.is_plane]
    until = time.monotonic() + tuning.settings.drain_timeout + GRACE
    for plane in planes:
        plane.signal(signal.SIGTERM)
    for plane in planes:
        plane.wait(until)
    for other in others:  # last, so that the last calls are scored and the last records heard
        other.signal(signal.SIGTERM)
    until = time.monotonic() + GRACE
    for other in others:
        other.wait(until)
    signal.set_wakeup_fd(-1)
    return 0


def child(role: str) -> None:
    """Entry of the other processes; what to do comes as JSON on standard input."""
    orders = json.loads(sys.stdin.buffer.read())
    settings = msgspec.convert(orders["settings"], Settings)
    configure(settings.log_level, role)
    _die_with_parent(orders["parent"])
    if role == "check":
        from sidecar.baseline.fitting import check_learning
        from sidecar.capture import extra
        from sidecar.peers.addresses import named
        from sidecar.proxy.worker import check_files

        try:
            extra.check(settings)
            named(settings.peers)
            if check_files(settings) or (not settings.baseline and check_learning(settings.detectors)):
                print(NEEDS_WORKER.decode())
        except SidecarError as error:
            print(error, file=sys.stderr)
            sys.exit(WRONG_SETTING if isinstance(error, UsageError) else 1)
    elif role == "plane":
        from sidecar.proxy.worker import main

        sockets = {name: socket.socket(fileno=fd) for name, fd in orders["fds"].items()}
        main(settings, Path(orders["run_dir"]), sockets, orders["number"])
    elif role == "pyod":
        import asyncio

        from sidecar.baseline.worker import serve as score
        from sidecar.scoring.apart import SOCKET

        asyncio.run(score(Path(orders["run_dir"]) / SOCKET, settings.baseline))
    else:
        import asyncio

        from sidecar.console.serve import serve

        asyncio.run(serve(settings, Path(orders["run_dir"])))


def _die_with_parent(parent: int) -> None:
    """End when the supervisor is killed outright, so that no orphan keeps the port (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(1)


if __name__ == "__main__":
    child(sys.argv[1])
