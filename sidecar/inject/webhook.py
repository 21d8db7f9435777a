"""`sidecar webhook`: arguments, and all of it wired together and kept going. Counterpart: `sidecar.cli`.

certificates -> TLS -> reviews (sidecar.inject.server) -> decisions (sidecar.inject.review)
upkeep: every few seconds a look after the certificates; events go out behind
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiohttp import web

from sidecar.errors import SidecarError, UsageError
from sidecar.inject import cluster as clusters
from sidecar.inject import settings
from sidecar.inject.authority import Times, expires
from sidecar.inject.cluster import Cluster, ClusterError
from sidecar.inject.command import NATIVE_SINCE, native
from sidecar.inject.events import Events
from sidecar.inject.keeping import Certificates, GivenCertificates, OwnCertificates, Served
from sidecar.inject.measures import Measures
from sidecar.inject.namespaces import Namespaces
from sidecar.inject.server import Webhook
from sidecar.inject.settings import Around
from sidecar.listening import bound
from sidecar.logs import configure
from sidecar.tasks import Tasks
from sidecar.values import host_port

log = logging.getLogger(__name__)

RETRY = 2.0
"""Seconds between tries to reach the cluster at the start."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar webhook`."""
    add = parser.add_argument
    shown = "[default: %(default)s]"
    add("--listen", metavar="HOST:PORT", default="[::]:9443", help=f"where reviews come in, by TLS {shown}")
    add("--admin", metavar="HOST:PORT", default="[::]:9402", help=f"health and metrics, no TLS {shown}")
    add("--config", metavar="FILE", type=Path, help="what is settled for all pods, as YAML")
    add("--kubernetes", metavar="VERSION", help="version of the cluster, if it is not to be asked")
    add(
        "--tls-cert", metavar="FILE", type=Path, help="certificate from elsewhere, read again when it changes"
    )
    add("--tls-key", metavar="FILE", type=Path, help="its key")
    name = "model-sidecar-webhook"
    add("--service", metavar="NAME", default=name, help=f"Service that leads here {shown}")
    add("--secret", metavar="NAME", default=f"{name}-tls", help=f"Secret for own certificates {shown}")
    add("--configuration", metavar="NAME", default=name, help=f"webhook configuration to keep {shown}")
    for flag, default, meaning in (
        ("--authority-lasts", Times().authority, "life of an own authority"),
        ("--certificate-lasts", Times().serving, "life of an own certificate"),
        ("--settle", Times().settle, "until a change has reached everybody"),
        ("--look-every", 30.0, "between looks after the certificates"),
    ):
        add(flag, metavar="SECONDS", type=float, default=default, help=f"{meaning} {shown}")
    add("--api-server", metavar="URL", default="", help="of the cluster, if not the one this runs in")
    account = clusters.SERVICE_ACCOUNT
    add("--account", metavar="DIR", type=Path, default=account, help=f"token, ca.crt and namespace {shown}")
    add(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help=f"least severe {shown}",
    )


def run(arguments: argparse.Namespace) -> int:
    """Until SIGTERM. Raises SidecarError when it cannot start."""
    configure(arguments.log_level, "webhook")
    settled = settings.read(arguments.config)
    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(arguments, settled))
    return 0


async def _serve(arguments: argparse.Namespace, settled: settings.InjectSettings) -> None:
    ended, started = asyncio.Event(), asyncio.Event()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def end() -> None:
        if started.is_set():
            ended.set()
        else:  # still looking for the cluster
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    async with AsyncExitStack() as stack:
        cluster = clusters.from_environment(arguments.api_server, arguments.account)
        if cluster is not None:
            await stack.enter_async_context(cluster)
        elif arguments.tls_cert is None or arguments.kubernetes is None:
            raise UsageError("outside of a cluster --tls-cert, --tls-key and --kubernetes are needed")
        await stack.enter_async_context(running(arguments, settled, cluster))
        started.set()
        await ended.wait()


class Running(NamedTuple):
    """Where it listens."""

    reviews: int
    admin: int


@asynccontextmanager
async def running(
    arguments: argparse.Namespace, settled: settings.InjectSettings, cluster: Cluster | None
) -> AsyncIterator[Running]:
    """A webhook that takes reviews. It finishes those in flight at the end."""
    measures, served, tasks, events = Measures(), Served(), Tasks(), Events(cluster)
    certificates = _certificates(arguments, cluster)
    skipped = (*settled.skip_namespaces, *([cluster.namespace] if cluster else []))
    settled = msgspec.structs.replace(settled, skip_namespaces=skipped)
    webhook = Webhook(Around(settings=settled), Namespaces(cluster), events, measures)
    admin = web.AppRunner(webhook.admin(), access_log=None)
    reviews = web.AppRunner(webhook.reviews(), access_log=None, shutdown_timeout=5.0)
    try:
        admin_port = await _listen(admin, "admin", arguments.admin, None)
        webhook.around = Around(settings=settled, native=await _native(arguments.kubernetes, cluster))
        while not await _looked(certificates, served, measures):
            if isinstance(certificates, GivenCertificates):
                raise SidecarError("the given certificate cannot be served; see above")
            await asyncio.sleep(RETRY)
        port = await _listen(reviews, "listen", arguments.listen, served)
        tasks.start("certificates", _keep_looking(certificates, served, measures, arguments.look_every))
        tasks.start("events", events.run())
        webhook.ready = True
        log.info("reviews on port %d, health and metrics on port %d", port, admin_port)
        yield Running(port, admin_port)
    finally:
        webhook.ready = False
        await reviews.cleanup()
        await tasks.close()
        await admin.cleanup()


def _certificates(arguments: argparse.Namespace, cluster: Cluster | None) -> Certificates:
    if arguments.tls_cert is not None:
        return GivenCertificates(arguments.tls_cert, arguments.tls_key)
    assert cluster is not None
    host = f"{arguments.service}.{cluster.namespace}.svc"
    hosts = (host, f"{host}.cluster.local")
    times = Times(arguments.authority_lasts, arguments.certificate_lasts, arguments.settle)
    return OwnCertificates(cluster, arguments.secret, arguments.configuration, hosts, times)


async def _native(version: str | None, cluster: Cluster | None) -> bool:
    """Whether the cluster knows native sidecars. Never guessed: an old one would wait for ours to end."""
    while version is None:
        assert cluster is not None
        try:
            found = await cluster.get("/version")
            version = f"{found['major']}.{str(found['minor']).rstrip('+')}"
        except (ClusterError, KeyError) as error:
            log.error("the cluster's version cannot be asked: %s", error)
            await asyncio.sleep(RETRY)
    known = native(version)
    log.info("Kubernetes %s: %s sidecars", version, "native" if known else f"before {NATIVE_SINCE}: ordinary")
    return known


async def _looked(certificates: Certificates, served: Served, measures: Measures) -> bool:
    """Look after the certificates once; False when that failed."""
    try:
        pair = await certificates.look()
        if served.serve(pair):
            measures.changes.inc()
            measures.expiry.set(expires(pair))
    except (SidecarError, ValueError) as error:
        measures.upkeep_failures.inc()
        log.error("certificates: %s", error)
        return False
    return True


async def _keep_looking(
    certificates: Certificates, served: Served, measures: Measures, seconds: float
) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _looked(certificates, served, measures)


async def _listen(runner: web.AppRunner, name: str, address: str, served: Served | None) -> int:
    await runner.setup()
    try:
        where = host_port(address)
        listening = bound(where.host, where.port)
    except (OSError, ValueError) as error:
        raise UsageError(f"--{name} {address}: {error}") from error
    await web.SockSite(runner, listening, ssl_context=served.context if served else None).start()
    return int(listening.getsockname()[1])
