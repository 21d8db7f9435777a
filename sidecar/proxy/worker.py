"""One data-plane process: from its listening socket to its last call.

Started by `sidecar.app`, which owns the listening socket, so that callers only wait, and are not
refused, while a worker that died is started again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import uvloop

from sidecar.defence.guard import guard
from sidecar.errors import BaselineError, UsageError
from sidecar.link import Drift, Order, Progress, Swap
from sidecar.proxy.address import upstream as upstream_address
from sidecar.proxy.deciding import LOOK_SECONDS
from sidecar.proxy.egress.listener import listen as listen_outbound
from sidecar.proxy.egress.outbound import Outlet
from sidecar.proxy.egress.routes import routes
from sidecar.proxy.judging import Judge
from sidecar.proxy.listener import Downstream
from sidecar.proxy.plane import Plane
from sidecar.proxy.sweep import Sweep
from sidecar.proxy.telling import Teller
from sidecar.proxy.tls import listener_context, renew, upstream_context
from sidecar.proxy.upstream import Pool
from sidecar.scoring.apart import SOCKET
from sidecar.scoring.baseline import Baseline, load
from sidecar.sequences import SEQUENCES, Memory, Walks
from sidecar.settings import RETUNED, Settings
from sidecar.tracing.context import propagation

if TYPE_CHECKING:
    from sidecar.proxy.grpc.door import Door

log = logging.getLogger(__name__)

ACCEPT_AFTER_TERM = 1.0
"""Seconds for which connections are still accepted after SIGTERM, while readiness already fails: the
endpoints of a Service take a moment to forget a pod."""


def main(settings: Settings, run_dir: Path, sockets: dict[str, socket.socket], number: int) -> None:
    """Serve until SIGTERM, then drain. `sockets`: where to listen, by the name of the setting."""
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again
    gc.set_threshold(50_000, 20, 20)  # calls free themselves by reference count; cycles are rare
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Worker(settings, run_dir, number).serve(**_by_part(sockets)))


def _by_part(sockets: dict[str, socket.socket]) -> dict[str, socket.socket]:
    """What `Worker.serve` takes, by the names of its parameters."""
    parts = {"listen": "listening", "egress": "outbound", "grpc-listen": "grpc"}
    return {parts[name]: one for name, one in sockets.items()}


def check_files(settings: Settings) -> bool:
    """Load what a worker will load. Raises BaselineError or UsageError naming the file. Returns whether the
    baseline needs PyOD's worker."""
    listener_context(settings)
    named = bool(settings.upstream_ca or settings.upstream_cert)  # it may be a model of gRPC or a policy's
    upstream_context(settings, named or upstream_address(settings.upstream).tls)
    routes(settings.route)
    if not settings.baseline:
        return False
    baseline = load(Path(settings.baseline))
    guard(baseline)
    return bool(baseline.apart)


class Worker:
    """Wires the parts of one data plane together, and obeys the observer."""

    def __init__(self, settings: Settings, run_dir: Path, number: int) -> None:
        self._settings = settings
        self._run_dir = run_dir
        self._number = number
        self._outlet: Outlet | None = None
        self._egress: asyncio.Server | None = None
        self._door: Door | None = None
        self._grpc: asyncio.Server | None = None
        self._context: ssl.SSLContext | None = None
        self._looking: Sweep | None = None

    async def serve(
        self,
        listening: socket.socket,
        outbound: socket.socket | None = None,
        grpc: socket.socket | None = None,
    ) -> None:
        """From the listening sockets to the last call."""
        await self.start(listening, outbound, grpc)
        await self.ended()

    async def start(
        self,
        listening: socket.socket,
        outbound: socket.socket | None = None,
        grpc: socket.socket | None = None,
    ) -> None:
        """Wire the parts together and take calls."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        address = upstream_address(settings.upstream)
        baseline = self._read(settings.baseline) if settings.baseline else None
        tls = upstream_context(settings, address.tls)
        pool = Pool(address, settings.connect_timeout, tls, settings.upstream_server_name)
        judge = Judge(loop, settings.threshold, settings.codec, baseline)
        judge.guard = judge.guard._replace(threshold=settings.adversarial_threshold)
        judge.need = settings.learn_rows
        teller = Teller(loop, str(self._run_dir / "observer.sock"), settings.queue_bytes, self._obey)
        teller.worker = self._number
        teller.baseline = settings.baseline
        self.plane = plane = Plane(settings, loop, pool, judge, teller, propagation(settings))
        if baseline is not None:
            plane.keeping.blind(baseline.schema.names)
        if settings.policy:
            self._look()
            if plane.policing.rulebook is None:  # without them what is to be blocked would pass
                raise UsageError(f"policy {settings.policy}: {plane.policing.refused}")
            self._looking = Sweep(loop, LOOK_SECONDS, self._look)
        self._attend()
        self._sweep = Sweep(loop, plane.sweep_seconds(), self._swept)
        plane.tasks.start("tell the observer", teller.keep_connected())
        self._context = context = listener_context(settings)
        self._server = await loop.create_server(
            lambda: Downstream(plane),
            sock=listening,
            backlog=1024,
            ssl=context,
            ssl_handshake_timeout=settings.header_timeout if context else None,
        )
        if outbound is not None:
            self._outlet = Outlet(settings, loop, plane)
            self._egress = await listen_outbound(self._outlet, outbound)
        if grpc is not None:
            from sidecar.proxy.grpc.door import Door  # late: who has no gRPC needs none of it

            self._door = Door(settings, plane)
            self._grpc = await self._door.listen(grpc)
        log.info("listening on %s for %s", settings.listen, address)

    async def ended(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; on SIGHUP take over what may change."""
        self.plane.loop.add_signal_handler(signal.SIGHUP, self.retune)
        await _signalled(self.plane.loop)
        await self.stop()

    async def stop(self) -> None:
        """Drain, then take everything down."""
        plane = self.plane
        await self._drain()
        self._sweep.close()
        if self._looking is not None:
            self._looking.close()
        if self._egress is not None and self._outlet is not None:  # last: calls in flight may have needed it
            self._egress.close()
            await self._outlet.close()
        await plane.squeezing.close()
        await plane.shadowing.close()
        await plane.teller.close()
        plane.judge.close()
        plane.pool.close()
        plane.policing.others.close()
        await plane.tasks.close()

    def retune(self) -> None:
        """Go by the settings that the supervisor has left. What cannot be read changes nothing."""
        try:
            settings = msgspec.json.decode((self._run_dir / RETUNED).read_bytes(), type=Settings)
            for context in (self._context, self._door.context if self._door is not None else None):
                if context is not None:
                    renew(context, settings)
        except (OSError, msgspec.MsgspecError, UsageError) as error:
            log.error("settings not taken over, the old ones stay: %s", error)
            return
        self._settings = settings
        self.plane.retune(settings)
        if self._outlet is not None:
            self._outlet.retune(settings)
        self._sweep.every(self.plane.sweep_seconds())
        logging.getLogger().setLevel(settings.log_level.upper())
        log.info("settings taken over")

    def _look(self) -> None:
        """Go by the policies that are in force."""
        before = self.plane.policing.rulebook
        self.plane.policing.look(self._run_dir, self._settings.expose)
        if self.plane.policing.rulebook is not before:
            self._attend()
            self.plane.policed()

    def _attend(self) -> None:
        """Look for sequences of questions if somebody asks for them, else leave it."""
        settings, judge = self._settings, self.plane.judge
        rulebook = self.plane.policing.rulebook
        asked = settings.sequences == "always" or (rulebook is not None and rulebook.asks("sequence."))
        if asked and judge.walks is None:
            try:
                memory = Memory(self._run_dir / SEQUENCES, self._number, settings.workers)
            except OSError as error:
                log.error("sequences are not looked for: %s: %s", error.filename, error.strerror)
                return
            judge.walks = Walks(memory, settings.sequence_seconds)
            self._check_printer()
        elif not asked:
            judge.walks = None
        self._check_guard()

    def _check_guard(self) -> None:
        """Say so when a rule asks for what this baseline cannot tell."""
        judge, rulebook = self.plane.judge, self.plane.policing.rulebook
        if judge.baseline is None or rulebook is None:
            return
        if judge.guard.noise is None and rulebook.asks("noise."):
            log.warning("noise.p is not known with this baseline: fit it with --pixels")
        if judge.guard.shifts is None and rulebook.asks("inconsistent."):
            log.warning("inconsistent.p is not known with this baseline: fit it with --pixels and --ask")

    def _check_printer(self) -> None:
        judge = self.plane.judge
        if judge.walks is not None and judge.baseline is not None and judge.baseline.printer is None:
            log.warning("no sequence will be found with this baseline: it is of few rows, or old; fit again")

    def _swept(self) -> None:
        self.plane.sweep()
        if self._outlet is not None:
            self._outlet.sweep()
        if self._door is not None:
            self._door.sweep()

    async def _drain(self) -> None:
        """Readiness fails first, then new connections are refused, then the last answers are taken."""
        plane = self.plane
        loop = plane.loop
        ends = loop.time() + self._settings.drain_timeout
        plane.draining = True
        plane.teller.flush()
        log.info("draining: %d calls in flight", plane.in_flight)
        await asyncio.sleep(min(ACCEPT_AFTER_TERM, self._settings.drain_timeout))
        self._server.close()
        for client in list(plane.clients):
            if not client.calls:
                client.transport.close()
        if self._grpc is not None and self._door is not None:
            self._grpc.close()
            await self._door.drained(until=ends)
        await plane.emptied(until=ends)
        if plane.clients:
            log.warning("drain-timeout: %d calls cut off", plane.in_flight)
        for client in list(plane.clients):
            client.reset()
        await asyncio.sleep(0)

    # -- orders of the observer ------------------------------------------------------------------

    def _obey(self, order: Order) -> None:
        plane = self.plane
        match order:
            case Progress(seen=seen, need=need):
                plane.judge.seen, plane.judge.need = seen, need
            case Drift(state=state) if state.isascii() and state.isprintable():  # it goes into a header
                plane.drift = state
            case Swap(baseline=directory) if directory != plane.teller.baseline:
                plane.tasks.start("load a baseline", self._load(directory))

    def _read(self, directory: str) -> Baseline:
        settings = self._settings
        together = settings.batch_control == "false-discovery"
        baseline = load(Path(directory), self._run_dir / SOCKET, together=together)
        if settings.threshold < baseline.finest_p:
            log.warning(
                "no row will ever be flagged: the threshold, %g, is below the finest p-value of %s, %.2g;"
                " raise the threshold, or fit on at least %d rows",
                *(settings.threshold, directory, baseline.finest_p, ceil(2.5 / settings.threshold)),
            )
        return baseline

    async def _load(self, directory: str) -> None:
        """Load in a thread and swap between two calls; a bad baseline is refused and the old one stays."""
        teller = self.plane.teller
        try:
            baseline: Baseline = await asyncio.to_thread(self._read, directory)
            await asyncio.to_thread(baseline.warm)
            self.plane.judge.swap(baseline)
        except BaselineError as error:
            teller.refused = str(error)
            log.error("baseline refused, the old one stays: %s", error)
            return
        self._check_printer()
        self._check_guard()
        self.plane.keeping.blind(baseline.schema.names)
        teller.baseline, teller.refused = directory, ""
        teller.flush()
        log.info("scoring with the baseline in %s", directory)


async def _signalled(loop: asyncio.AbstractEventLoop) -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
