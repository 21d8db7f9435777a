"""The observer's process: state, socket, snapshots, fitting, spans and the admin address, wired together.

`sidecar.app` starts it and starts it again when it dies. Whatever happens here, calls go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from sidecar.asking import token_in
from sidecar.console.access_file import AccessFile
from sidecar.console.api import application
from sidecar.console.captures import Captures
from sidecar.console.exporting import Exporting
from sidecar.console.metric_values import Source
from sidecar.console.replaying import keep_replaying
from sidecar.errors import UsageError
from sidecar.exchange import Alike, Outbound, Record
from sidecar.listening import bound
from sidecar.observer import access, snapshot
from sidecar.observer.fitting import keep_fitting
from sidecar.observer.grouping import keep_grouping
from sidecar.observer.hearing import Hearing
from sidecar.observer.observer import Observer, State
from sidecar.observer.refitting import keep_refitting
from sidecar.observer.webhook import Receiver, keep_alerting
from sidecar.peers.addresses import named
from sidecar.peers.listening import keep_listening
from sidecar.settings import Settings
from sidecar.tasks import Tasks
from sidecar.tracing.gen_ai_metrics import GenAiMetrics
from sidecar.tracing.spans import CLOSE_SECONDS, SpanExport
from sidecar.values import host_port

log = logging.getLogger(__name__)

SOCKET = "observer.sock"
SNAPSHOT = "observer.snapshot"

NICE = 15
"""The model's traffic goes first: where everybody wants the core, the observer gets one thirtieth of what the
model does. Not 19, which is one seventieth: probes and scrapes must still be answered within a second."""

YOUNG_OBJECTS = 100_000
"""Objects made since the last collection that are worth another. A thousand records are 20,000 that
soon go by themselves; the default of 700 would look at them again and again."""


async def serve(settings: Settings, run_dir: Path) -> None:
    """Observe until cancelled or told by SIGTERM. Raises UsageError when the admin address is taken."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    # Ctrl-C reaches every process of the terminal. The data planes end first, then the supervisor asks us.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    async with running(settings, run_dir):
        settle()
        step_back()
        await asked.wait()


def settle() -> None:
    """Spare the collector what it would look at in vain. Called when everything is loaded: it stays."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def give_back() -> None:
    """Give the kernel the memory that nobody uses. Rings of objects are rare (an export that failed is one),
    so the collector by itself would come after hours; it takes 10 ms. The C library would keep all that was
    needed at once, such as for a snapshot; those that cannot be asked (musl's) keep less."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def step_back() -> None:
    """Go behind the model. Called only once the observer listens: it starts at full speed, because records
    are lost while it is away."""
    os.nice(NICE)
    # A batch process doesn't interrupt whoever runs when it wakes up, which it does for every few records.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@asynccontextmanager
async def running(settings: Settings, run_dir: Path) -> AsyncIterator[tuple[Observer, list[str]]]:
    """An observer at work, and the URLs of its admin address. It ends, and is kept, with the context."""
    observer = Observer(settings)
    observer.run_dir = run_dir
    saved = snapshot.read(run_dir / SNAPSHOT, State)
    if saved is not None:
        observer.restore(saved)
    spans = SpanExport(settings)
    lines = AccessFile(settings.access_log) if settings.access_log else None
    captures = Captures(settings, run_dir, observer)
    exporting = Exporting(spans, observer)
    measures = GenAiMetrics(settings)
    hearing = _hearing(observer, spans, exporting, lines, captures, measures)
    tasks = Tasks()
    admin = web.AppRunner(application(Source(observer, spans, lines, captures.sinks)), access_log=None)
    try:
        urls = await _listen(admin, settings.admin)
        await hearing.open(run_dir / SOCKET)
        captures.start()
        # At once, so that a crash within the first seconds is counted too.
        _save(observer, run_dir)
        tasks.start("snapshots", _keep_saving(observer, run_dir, settings.snapshot_seconds))
        tasks.start("learning", keep_fitting(observer.learning, settings.detectors, run_dir))
        tasks.start("refits", keep_refitting(observer, run_dir))
        tasks.start("cohorts", keep_grouping(observer.cohorts, run_dir, observer.clock))
        if settings.canary_seconds:
            tasks.start("old questions", keep_replaying(observer, settings))
        if peers := named(settings.peers):
            lineage = observer.lineage
            token = token_in(settings.admin_read_token)
            tasks.start("peers", keep_listening(peers, lineage.after, lineage.heard, token))
            tasks.start("held spans", exporting.keep_looking())
        if settings.alert_url:
            receiver = Receiver(settings.alert_url, observer.edges.service, urls[0], settings.alert_token)
            tasks.start("alerts", keep_alerting(observer, receiver))
        log.info("observing; admin at %s", ", ".join(urls))
        yield observer, urls
    finally:
        await tasks.close()
        await hearing.close()
        await captures.close()
        await admin.cleanup()
        # Before the spans, because a slow collector may take longer than we are given.
        _save(observer, run_dir)
        if lines is not None:
            lines.close()
        exporting.close()
        spans.close()
        measures.close(CLOSE_SECONDS)


def _hearing(
    observer: Observer,
    spans: SpanExport,
    exporting: Exporting,
    lines: AccessFile | None,
    captures: Captures,
    measures: GenAiMetrics,
) -> Hearing:
    """Hears, and passes on what is to be exported or written down."""

    def tell(records: tuple[Record, ...]) -> None:
        if lines is not None:
            lines.write(access.lines(records))
        if spans.active:
            exporting.take(records)
        if measures.active:
            measures.update(records)
        if captures.sinks:
            captures.tell(records)

    def tell_outbound(calls: tuple[Outbound, ...]) -> None:
        if lines is not None:
            lines.write(access.outbound_lines(calls))
        spans.outbound(calls)

    def tell_alike(alike: tuple[Alike, ...]) -> None:
        spans.missed(sum(one.sampled for one in alike))

    anybody = spans.active or measures.active or lines or captures.sinks
    return Hearing(observer, tell, tell_outbound, tell_alike) if anybody else Hearing(observer)


async def _listen(admin: web.AppRunner, address: str) -> list[str]:
    where = host_port(address)
    await admin.setup()
    try:
        # asyncio's own would take IPv6 alone for all addresses.
        everywhere = where.host == "::"
        site = web.SockSite(admin, bound(where.host, where.port)) if everywhere else None
        await (site or web.TCPSite(admin, where.host, where.port)).start()
    except OSError as error:
        raise UsageError(f"admin {address}: {error.strerror}; give another address") from error
    return [f"http://{host}:{port}" for host, port, *_ in admin.addresses]


async def _keep_saving(observer: Observer, run_dir: Path, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        # Not by a name, which would hold it until the next one.
        await asyncio.to_thread(_write, run_dir, snapshot.encode(observer.keep()))
        await asyncio.to_thread(give_back)


def _save(observer: Observer, run_dir: Path) -> None:
    _write(run_dir, snapshot.encode(observer.keep()))


def _write(run_dir: Path, content: bytearray) -> None:
    try:
        snapshot.write(run_dir / SNAPSHOT, content)
    except OSError as error:
        log.error("the snapshot could not be written: %s", error)
