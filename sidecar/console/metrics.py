"""/metrics: the table of every metric, and the collector that fills it from the observer's state.

Nothing is counted twice: the state has the totals anyway, so a scrape reads them and no call pays for
it. Names follow Prometheus: own prefix, base units, `_total`, `_seconds`; ids are never labels. Counts in
reference bins are plain counters, so drift over any number of pods is a recording rule over their sums.
`docs/metrics.md` is checked against the table. Counterpart: `sidecar.console.metric_values`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from sidecar.console.metric_values import Bucketed, Source, values

FLOW = ("model", "version", "route")


class Metric(NamedTuple):
    """One row of `METRICS`."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


METRICS: dict[str, Metric] = {
    # -- calls
    "sidecar_requests_total": Metric(
        "counter", "Calls that ended, by status sent to the caller and verdict.", (*FLOW, "status", "verdict")
    ),
    "sidecar_request_duration_seconds": Metric(
        "histogram", "From the request's first byte to the answer's last.", FLOW
    ),
    "sidecar_upstream_duration_seconds": Metric(
        "histogram", "From the request's leaving to the first byte of the model's answer.", FLOW
    ),
    "sidecar_added_duration_seconds": Metric(
        "histogram", "What the sidecar added: time before the request left and waiting for the score.", FLOW
    ),
    "sidecar_scoring_duration_seconds": Metric("histogram", "Work on scoring, beside the model's.", FLOW),
    "sidecar_request_size_bytes": Metric("histogram", "Request bodies.", FLOW),
    "sidecar_response_size_bytes": Metric("histogram", "Response bodies.", FLOW),
    "sidecar_score": Metric("histogram", "Score of each scored call's worst row: 1 - p.", FLOW),
    "sidecar_first_token_seconds": Metric(
        "histogram", "From the request's first byte to the first event of a streamed answer.", FLOW
    ),
    "sidecar_token_seconds": Metric(
        "histogram", "Between two events of a streamed answer, on average.", FLOW
    ),
    "sidecar_rows_total": Metric("counter", "Rows in the requests that a codec could read.", FLOW),
    "sidecar_rows_flagged_total": Metric("counter", "Rows with a p-value at or under the threshold.", FLOW),
    # -- the data planes' own counts, complete even where records were dropped
    "sidecar_calls_total": Metric("counter", "Calls ended by the data planes, told of or not."),
    "sidecar_failures_total": Metric("counter", "Calls that broke, by cause.", ("cause",)),
    "sidecar_records_dropped_total": Metric(
        "counter", "Records that the observer never got, by reason.", ("reason",)
    ),
    "sidecar_records_dropped_bytes_total": Metric("counter", "Bytes of dropped records."),
    "sidecar_queue_bytes": Metric("gauge", "Bytes of records waiting for the observer.", ("worker",)),
    "sidecar_calls_in_flight": Metric("gauge", "Calls under way.", ("worker",)),
    "sidecar_connections": Metric("gauge", "Open connections of callers.", ("worker",)),
    "sidecar_upstream_connections": Metric("gauge", "Open connections to the model.", ("worker",)),
    "sidecar_workers": Metric("gauge", "Data plane processes that are connected to the observer."),
    "sidecar_upstream_state": Metric(
        "gauge", "1 for the state that the model was last seen in: up, down or unknown.", ("state",)
    ),
    "sidecar_ready": Metric("gauge", "1 when /readyz answers 200."),
    # -- windows
    "sidecar_feature_rows_total": Metric(
        "counter", "Rows by bin of the reference; sum over pods.", (*FLOW, "baseline", "feature", "bin")
    ),
    "sidecar_feature_reference_ratio": Metric(
        "gauge", "Share of the reference's rows in each bin.", ("baseline", "feature", "bin")
    ),
    "sidecar_features_unexported": Metric(
        "gauge", "Features without bin counters here, because there are too many."
    ),
    "sidecar_output_rows_total": Metric(
        "counter", "Rows of answers by bin; bins come from the first full window.", (*FLOW, "output", "bin")
    ),
    "sidecar_drift_state": Metric("gauge", "1 for the state in x-drift-state.", ("state",)),
    "sidecar_feature_drift_evidence": Metric(
        "gauge", "Natural log of the e-value for a drift of this feature.", (*FLOW, "feature")
    ),
    "sidecar_feature_drift_effect_ratio": Metric(
        "gauge", "Share of rows that moved to other bins since the likeliest onset.", (*FLOW, "feature")
    ),
    "sidecar_drift_alarms_total": Metric("counter", "Drifts announced since the window began.", FLOW),
    "sidecar_relation_drift_evidence": Metric(
        "gauge", "Natural log of the e-value for a drift of how the features hang together.", FLOW
    ),
    "sidecar_relation_drift_alarms_total": Metric(
        "counter", "Drifts of how the features hang together, announced since the window began.", FLOW
    ),
    "sidecar_output_drift_evidence": Metric(
        "gauge", "Natural log of the e-value for a drift of this output.", (*FLOW, "output")
    ),
    "sidecar_output_drift_effect_ratio": Metric(
        "gauge", "Share of answers that moved to other bins since the likeliest onset.", (*FLOW, "output")
    ),
    "sidecar_output_drift_alarms_total": Metric(
        "counter", "Drifts of the outputs announced since their reference was taken.", FLOW
    ),
    "sidecar_verdict": Metric("gauge", "1 for the verdict on this flow.", (*FLOW, "verdict")),
    # -- labels and realised performance
    "sidecar_labels_total": Metric("counter", "Labels heard, by what became of them.", ("outcome",)),
    "sidecar_labels_waiting": Metric("gauge", "Labels that wait for their calls."),
    "sidecar_labelled_calls_kept": Metric("gauge", "Answered calls kept for their labels."),
    "sidecar_labelled_calls_kept_ratio": Metric("gauge", "Share of calls kept: under 1 when room is short."),
    "sidecar_rows_labelled_total": Metric("counter", "Answered rows whose truth is known.", FLOW),
    "sidecar_realised_performance": Metric(
        "gauge", "How good the window's predictions were, by metric.", (*FLOW, "metric")
    ),
    "sidecar_estimated_performance": Metric(
        "gauge",
        "How good the latest predictions probably are, labels or not: an estimate.",
        (*FLOW, "metric"),
    ),
    "sidecar_concept_drift_evidence": Metric(
        "gauge", "Natural log of the e-value for a move of the truth beyond what was expected.", FLOW
    ),
    "sidecar_concept_drift_alarms_total": Metric(
        "counter", "Concept drifts announced since their reference was taken.", FLOW
    ),
    # -- the chain of models
    "sidecar_edge_calls_total": Metric(
        "counter",
        "Calls along an edge of the graph of models, by what was found odd.",
        ("source", "destination", "odd"),
    ),
    "sidecar_edge_rows_total": Metric("counter", "Rows along an edge.", ("source", "destination")),
    "sidecar_edge_failures_total": Metric(
        "counter", "Calls along an edge that broke.", ("source", "destination")
    ),
    "sidecar_outbound_calls_total": Metric(
        "counter",
        "The model's own calls through the egress, by how they were joined.",
        ("joined",),
    ),
    # -- captures
    "sidecar_capture_records_total": Metric(
        "counter", "Records that a sink was given: kept, dropped and waiting together.", ("sink",)
    ),
    "sidecar_capture_weight_total": Metric(
        "counter", "Calls that these records stand for; without a drop, all calls.", ("sink",)
    ),
    "sidecar_capture_kept_total": Metric("counter", "Records that are on disk, or delivered.", ("sink",)),
    "sidecar_capture_dropped_total": Metric(
        "counter", "Records that a sink could not keep, by reason.", ("sink", "reason")
    ),
    "sidecar_capture_waiting_bytes": Metric("gauge", "Bytes of records that wait for a sink.", ("sink",)),
    "sidecar_capture_errors_total": Metric("counter", "Attempts of a sink that failed.", ("sink",)),
    "sidecar_capture_failing": Metric("gauge", "1 while a sink cannot keep anything.", ("sink",)),
    "sidecar_capture_restarts_total": Metric(
        "counter", "Starts of a sink's process after the first.", ("sink",)
    ),
    "sidecar_capture_events_total": Metric("counter", "CloudEvents delivered, two for each record."),
    "sidecar_capture_files_total": Metric("counter", "Parquet files finished."),
    "sidecar_capture_file_bytes_total": Metric("counter", "Bytes of finished Parquet files."),
    "sidecar_capture_files_deleted_total": Metric("counter", "Parquet files deleted: too old, or too many."),
    "sidecar_capture_spool_bytes": Metric("gauge", "Bytes of finished files that wait to go to a URL."),
    # -- policies
    "sidecar_policy_hits_total": Metric(
        "counter",
        "Calls to which a rule applied, or would have if it were not a dry run.",
        ("rule", "action", "dry_run"),
    ),
    "sidecar_policy_errors_total": Metric(
        "counter", "Calls for which a rule's condition could not be told though there was a score.", ("rule",)
    ),
    "sidecar_policy_changes_total": Metric(
        "counter", "Changes of the policy files, by what became of them.", ("outcome",)
    ),
    "sidecar_shadow_calls_total": Metric(
        "counter", "Calls to be asked of another model, by what came of them.", ("rule", "outcome")
    ),
    "sidecar_shadow_rows_total": Metric("counter", "Rows whose two answers were compared.", ("rule",)),
    "sidecar_shadow_differing_rows_total": Metric("counter", "Those of them that differ.", ("rule",)),
    "sidecar_shadow_seconds_total": Metric(
        "counter",
        "Seconds that calls took which both models answered, by `model`: `own` or `other`.",
        ("rule", "model"),
    ),
    "sidecar_squeezed_calls_total": Metric(
        "counter", "Calls about which the model was to be asked again, by what came of it.", ("outcome",)
    ),
    "sidecar_policy_valid": Metric("gauge", "1 when the policy files are in force as they are now."),
    # -- learning
    "sidecar_learning_rows": Metric("gauge", "Rows collected to learn a baseline from."),
    "sidecar_learning_rows_needed": Metric("gauge", "Rows wanted to fit a baseline; 0: not learning."),
    "sidecar_learning_failures_total": Metric("counter", "Baselines that could not be fitted or loaded."),
    "sidecar_baseline_info": Metric("gauge", "1, with the digest of the baseline in use.", ("baseline",)),
    # -- the observer itself
    "sidecar_up": Metric("gauge", "1 while the observer works."),
    "sidecar_build_info": Metric("gauge", "1, with the versions.", ("version", "python")),
    "sidecar_start_time_seconds": Metric("gauge", "When this observer process started, Unix time."),
    "sidecar_observer_restarts_total": Metric("counter", "Starts of the observer after the first."),
    "sidecar_observer_records_total": Metric("counter", "Records heard."),
    "sidecar_observer_briefs_total": Metric("counter", "Of these, calls told in brief."),
    "sidecar_observer_busy_seconds_total": Metric("counter", "Time spent on taking records in."),
    "sidecar_answers_scored_total": Metric("counter", "Answers compared with those of the reference."),
    "sidecar_answers_odd_total": Metric(
        "counter", "Of those, answers whose p-value was at or under the threshold."
    ),
    "sidecar_answers_unlike_total": Metric(
        "counter", "Answers that are not of the form that the reference's answers had."
    ),
    "sidecar_observer_left_out_total": Metric(
        "counter", "Calls and answers heard that have no place in a window, by reason.", ("reason",)
    ),
    "sidecar_access_lines_dropped_total": Metric("counter", "Lines of the access log that were lost."),
    "sidecar_alerts_firing": Metric("gauge", "Alerts that stand, of drift and of policies."),
    "sidecar_alert_messages_total": Metric("counter", "Messages about alerts that `alert-url` took."),
    "sidecar_alert_messages_failed_total": Metric(
        "counter", "Tries to deliver a message about alerts that failed; each is tried again."
    ),
    "sidecar_spans_exported_total": Metric("counter", "Spans handed over to the collector."),
    "sidecar_spans_failed_total": Metric("counter", "Spans that exporters gave up."),
    "sidecar_spans_over_budget_total": Metric("counter", "Calls worth a trace beyond the budget for them."),
}
"""Every metric, in the order in which they're documented."""


class ObserverCollector(Collector):
    """What a registry asks at each scrape."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Family]:
        families = {name: _family(name, metric) for name, metric in METRICS.items()}
        for name, labels, value in values(self._source):
            family = families[name]
            if isinstance(value, Bucketed):
                assert isinstance(family, HistogramMetricFamily)
                family.add_metric(labels, value.buckets, value.sum)
            else:
                assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
                family.add_metric(labels, value)
        yield from families.values()


def _family(name: str, metric: Metric) -> Family:
    if metric.kind == "counter":
        return CounterMetricFamily(name.removesuffix("_total"), metric.help, labels=metric.labels)
    if metric.kind == "histogram":
        return HistogramMetricFamily(name, metric.help, labels=metric.labels)
    return GaugeMetricFamily(name, metric.help, labels=metric.labels)


def registry(source: Source) -> CollectorRegistry:
    """The registry of one observer: its metrics, and those of its process and interpreter."""
    own = CollectorRegistry(auto_describe=False)
    own.register(ObserverCollector(source))
    ProcessCollector(registry=own)
    GCCollector(registry=own)
    return own


def render(own: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The body and content type that a scraper with this Accept header understands."""
    encoder, content_type = choose_encoder(accept)
    return encoder(own), content_type
