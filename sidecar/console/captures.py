"""The sinks of one observer: what they are told, and how they are set up.

Counterparts: `sidecar.capture.sink` hands records over; `sidecar.proxy.keeping` chose and redacted them.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from pathlib import Path

from sidecar.capture.parcels import Layout, Orders
from sidecar.capture.sink import Sink
from sidecar.exchange import Record
from sidecar.observer.observer import Observer
from sidecar.redaction import redactor
from sidecar.settings import Settings
from sidecar.tasks import Tasks

REMEMBERED = 4
"""Baselines whose names are remembered: records of an old one may still come after a swap."""


class Captures:
    """All sinks that the settings ask for; there may be none."""

    def __init__(self, settings: Settings, run_dir: Path, observer: Observer) -> None:
        self.sinks: tuple[Sink, ...] = ()
        if settings.capture:
            orders = _orders(settings, settings.capture, run_dir / "captures")
            self.sinks += (Sink("files", orders, settings.capture_queue_bytes),)
        if settings.capture_events:
            orders = _orders(settings, settings.capture_events, run_dir)
            self.sinks += (Sink("events", orders, settings.capture_queue_bytes),)
        self._observer = observer
        self._layouts: dict[str, Layout] = {}
        self._tasks = Tasks()

    def start(self) -> None:
        """Start the writers."""
        for sink in self.sinks:
            self._tasks.start(f"capture {sink.role}", sink.run())

    def tell(self, records: tuple[Record, ...]) -> None:
        """Give every sink the records that are captured."""
        chosen = [record for record in records if record.captured is not None]
        if not chosen:
            return
        self._learn()
        drift = self._observer.drift_state()
        for sink in self.sinks:
            sink.offer(chosen, drift, self._layouts)

    def _learn(self) -> None:
        """Take note of a new baseline's names. Those of categories come from training data, and may be
        secrets."""
        digest, schema = self._observer.traffic.digest, self._observer.schema
        if schema is not None and digest not in self._layouts:
            redact = redactor(self._observer.settings.redact)
            categories = tuple(
                () if field.name in redact.rules.columns else tuple(map(redact.text, field.categories))
                for field in schema.fields
            )
            self._layouts[digest] = Layout(schema.names, categories)
            if len(self._layouts) > REMEMBERED:
                del self._layouts[next(iter(self._layouts))]

    async def close(self) -> None:
        """Let the writers finish."""
        await asyncio.gather(*(sink.close() for sink in self.sinks))
        await self._tasks.close()


NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def _namespace() -> str:
    """Of the pod, as Kubernetes tells it; `default` elsewhere."""
    try:
        return os.environ.get("POD_NAMESPACE") or NAMESPACE.read_text("utf-8").strip() or "default"
    except OSError:
        return "default"


def _orders(settings: Settings, place: str, spool: Path) -> Orders:
    return Orders(
        source=secrets.token_hex(4),
        service=os.environ.get("OTEL_SERVICE_NAME") or settings.service_name,
        pod=os.environ.get("HOSTNAME") or socket.gethostname(),
        namespace=_namespace(),
        place=place,
        spool=str(spool),
        segment_bytes=settings.capture_segment_bytes,
        segment_seconds=settings.capture_segment_seconds,
        spool_bytes=settings.capture_spool_bytes,
        keep_bytes=settings.capture_keep_bytes,
        keep_seconds=settings.capture_keep_seconds,
        timeout=settings.capture_timeout,
        level=settings.log_level,
    )
