"""Metrics of calls to language models by OpenTelemetry's conventions, pushed to a collector.

    gen_ai.client.*   as the caller had it: tokens, and the time of the whole call
    gen_ai.server.*   as the model took it, from when it had the request: whole, to the first token, for each
                      token after that; of calls that went well

Source: OpenTelemetry's semantic conventions for generative AI metrics, also for the bounds of buckets.
Nothing of the SDK is imported before the first call to a language model, and nothing at all where no variable
says where metrics should go. Counterparts: `gen_ai`, which reads the facts; `spans`, which tells each call.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sidecar
from sidecar.exchange import Record
from sidecar.settings import Settings
from sidecar.tracing import gen_ai
from sidecar.tracing.attributes import ends
from sidecar.tracing.exporters import METRICS, load, wanted
from sidecar.tracing.quiet import Quiet

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider

log = logging.getLogger(__name__)

MOST_MODELS = 64
"""Names of models that are told apart: callers choose them, and each is a series. The rest is `_OTHER`."""

FAILED = 400
"""Statuses from here on are errors."""


class Instrument(NamedTuple):
    """One row of `INSTRUMENTS`."""

    unit: str
    description: str
    bounds: tuple[float, ...]


_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_EACH = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(float(4**power) for power in range(14))

INSTRUMENTS: dict[str, Instrument] = {
    "gen_ai.client.token.usage": Instrument("{token}", "Number of input and output tokens used.", _TOKENS),
    "gen_ai.client.operation.duration": Instrument("s", "GenAI operation duration.", _SECONDS),
    "gen_ai.server.request.duration": Instrument("s", "Time to the last byte of the answer.", _SECONDS),
    "gen_ai.server.time_to_first_token": Instrument("s", "Time to the first token.", _FIRST),
    "gen_ai.server.time_per_output_token": Instrument("s", "Time per token after the first.", _EACH),
}
"""All of them histograms. docs/language-models.md has the same table, and a test compares."""


class Measured(NamedTuple):
    """One value for an instrument."""

    instrument: str
    value: float
    attributes: dict[str, str | int]


def measured(record: Record, where: dict[str, str | int]) -> list[Measured]:
    """What a call adds. Pure. `where`: attributes of the model's address."""
    facts = gen_ai.attributes(record)
    if not facts:
        return []
    names = ("operation.name", "provider.name", "request.model", "response.model")
    common = {f"gen_ai.{name}": str(facts[f"gen_ai.{name}"]) for name in names if f"gen_ai.{name}" in facts}
    attributes: dict[str, str | int] = {**where, **common}
    failed = record.failure or (str(record.status) if record.status >= FAILED else "")
    timed = {**attributes, "error.type": failed} if failed else attributes
    found = [Measured("gen_ai.client.operation.duration", record.ended_ns / 1e9, timed)]
    for kind in ("input", "output"):
        count = facts.get(f"gen_ai.usage.{kind}_tokens")
        if isinstance(count, int) and count >= 0:
            told = {**attributes, "gen_ai.token.type": kind}
            found.append(Measured("gen_ai.client.token.usage", float(count), told))
    if not record.forwarded_ns:
        return found
    took = (record.ended_ns - record.forwarded_ns) / 1e9
    found.append(Measured("gen_ai.server.request.duration", took, timed))
    if record.first_event_ns and not failed:
        first = max(0, record.first_event_ns - record.forwarded_ns) / 1e9
        found.append(Measured("gen_ai.server.time_to_first_token", first, attributes))
        tokens = facts.get("gen_ai.usage.output_tokens")
        count = tokens if isinstance(tokens, int) else record.events
        if count > 1:
            each = (took - first) / (count - 1)
            found.append(Measured("gen_ai.server.time_per_output_token", each, attributes))
    return found


class GenAiMetrics:
    """One per observer. Not thread-safe: records come from one loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = wanted(signal=METRICS)
        self._where: dict[str, str | int] = {}
        self._models: set[str] = set()
        self._provider: MeterProvider | None = None
        self._instruments: dict[str, Any] = {}
        self._quiet: Quiet | None = None

    @property
    def active(self) -> bool:
        """Do metrics go anywhere?"""
        return bool(self._names)

    def update(self, records: Sequence[Record]) -> None:
        """Take in finished calls, of which those to language models count."""
        for record in records:
            if record.codec == gen_ai.CODEC and self._started():
                for one in measured(record, self._where):
                    self._instruments[one.instrument].record(one.value, self._bounded(one.attributes))

    def _bounded(self, attributes: dict[str, str | int]) -> dict[str, str | int]:
        for name in ("gen_ai.request.model", "gen_ai.response.model"):
            model = str(attributes.get(name, ""))
            if model and model not in self._models:
                if len(self._models) >= MOST_MODELS:
                    attributes = {**attributes, name: "_OTHER"}
                else:
                    self._models.add(model)
        return attributes

    def _started(self) -> bool:
        """Whether values can be taken in. What cannot be had is not tried again."""
        if self._provider is None and self._names:
            exporters = load(self._names, METRICS)
            try:
                if exporters:
                    self._start(exporters)
            except ValueError as error:
                log.error("no metrics are exported, an OTEL_* variable is wrong: %s", error)
            if self._provider is None:
                self._names = ()
        return self._provider is not None

    def _start(self, exporters: list[Any]) -> None:
        # Imported only now: models of other kinds need none of it.
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        from sidecar.tracing.pipeline import resource_of

        resource = resource_of(self._settings)
        ours = ends(self._settings, str(resource.attributes["service.name"]))
        self._where = {"server.address": ours.model.address, "server.port": ours.model.port}
        if not any(isinstance(one, Quiet) for one in logging.getLogger("opentelemetry").handlers):
            self._quiet = Quiet("opentelemetry")
        readers = [PeriodicExportingMetricReader(exporter) for exporter in exporters]
        self._provider = MeterProvider(readers, resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("sidecar", sidecar.__version__)
        self._instruments = {
            name: meter.create_histogram(
                name, row.unit, row.description, explicit_bucket_boundaries_advisory=row.bounds
            )
            for name, row in INSTRUMENTS.items()
        }

    def close(self, seconds: float) -> None:
        """Hand over the last values, for at most about `seconds`."""
        provider, self._provider, self._names = self._provider, None, ()
        if provider is None:
            return
        limit = {"timeout_millis": seconds * 1e3}
        last = threading.Thread(target=provider.shutdown, kwargs=limit, name="last metrics", daemon=True)
        last.start()
        last.join(seconds)
        if self._quiet is not None:
            self._quiet.close()
