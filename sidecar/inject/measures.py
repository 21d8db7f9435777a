"""Metrics of the webhook: the table, and what is counted. docs/kubernetes.md prints it and a test compares.

Names follow `sidecar.console.metrics`. Counterpart: `sidecar.inject.server`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector


class Measure(NamedTuple):
    """One row of `MEASURES`."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


MEASURES: dict[str, Measure] = {
    "sidecar_webhook_reviews_total": Measure(
        "counter", "Reviews answered, by what became of the pod and why.", ("outcome", "reason")
    ),
    "sidecar_webhook_malformed_total": Measure(
        "counter", "Requests that were no review, by status.", ("status",)
    ),
    "sidecar_webhook_failures_total": Measure(
        "counter", "Reviews in which we failed, so that the pod was let in as it was."
    ),
    "sidecar_webhook_review_duration_seconds": Measure(
        "histogram", "From the review's last byte to its answer."
    ),
    "sidecar_webhook_certificate_expiry_seconds": Measure(
        "gauge", "When the serving certificate ends, Unix time."
    ),
    "sidecar_webhook_certificate_changes_total": Measure(
        "counter", "Times that another certificate was taken over without a restart."
    ),
    "sidecar_webhook_upkeep_failures_total": Measure(
        "counter", "Looks after the certificates that failed; the old ones serve on."
    ),
}

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Measures:
    """The webhook's counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.reviews = self._counter("sidecar_webhook_reviews_total")
        self.malformed = self._counter("sidecar_webhook_malformed_total")
        self.failures = self._counter("sidecar_webhook_failures_total")
        self.changes = self._counter("sidecar_webhook_certificate_changes_total")
        self.upkeep_failures = self._counter("sidecar_webhook_upkeep_failures_total")
        name = "sidecar_webhook_review_duration_seconds"
        self.duration = Histogram(name, MEASURES[name].help, buckets=BUCKETS, registry=self.registry)
        name = "sidecar_webhook_certificate_expiry_seconds"
        self.expiry = Gauge(name, MEASURES[name].help, registry=self.registry)

    def _counter(self, name: str) -> Counter:
        row = MEASURES[name]
        return Counter(name, row.help, row.labels, registry=self.registry)
