"""The values of every metric, read from the observer's state at a scrape.

One generator for each part of the state. Counterpart: `sidecar.console.metrics`, the table of names.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias, get_args

from prometheus_client.samples import Exemplar

from sidecar import __version__
from sidecar.capture.sink import Sink
from sidecar.observer import calls
from sidecar.observer.axes import Fields, distinct
from sidecar.observer.exemplars import Exemplars
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key
from sidecar.observer.traffic import Flow
from sidecar.observer.verdict import Name
from sidecar.observer.windows import Window
from sidecar.policy import handing
from sidecar.scoring.bins import Counts

FEATURES = 256
"""Features that have bin counters in /metrics: each is a dozen series for every flow, and Prometheus pays
for series. The API shows all of them."""

UPSTREAM_STATES = ("up", "down", "unknown")
VERDICTS: tuple[str, ...] = get_args(Name)
DRIFT_STATES = (*VERDICTS, "upstream")

HISTOGRAMS = {
    "duration_seconds": "sidecar_request_duration_seconds",
    "upstream_seconds": "sidecar_upstream_duration_seconds",
    "added_seconds": "sidecar_added_duration_seconds",
    "scoring_seconds": "sidecar_scoring_duration_seconds",
    "request_bytes": "sidecar_request_size_bytes",
    "response_bytes": "sidecar_response_size_bytes",
    "score": "sidecar_score",
    "first_token_seconds": "sidecar_first_token_seconds",
    "token_seconds": "sidecar_token_seconds",
}
"""Column of `sidecar.observer.calls` -> metric."""


Buckets: TypeAlias = Sequence[tuple[str, float] | tuple[str, float, Exemplar]]
"""(upper bound, count at or under it) rising to +Inf, some with the latest traced call."""


class Bucketed(NamedTuple):
    """A histogram: (upper bound, count at or under it) rising to +Inf, and the sum of all values."""

    buckets: Buckets
    sum: float


class Value(NamedTuple):
    """One series now."""

    name: str
    labels: tuple[str, ...]
    value: float | Bucketed


class Spans(Protocol):
    """What is asked of `sidecar.tracing.spans.SpanExport`."""

    @property
    def exported(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def dropped(self) -> int: ...


class Lines(Protocol):
    """What is asked of `sidecar.console.access_file.AccessFile`."""

    dropped: int


class Source(NamedTuple):
    """Where values come from."""

    observer: Observer
    spans: Spans
    lines: Lines | None = None
    sinks: Sequence[Sink] = ()


def values(source: Source) -> Iterator[Value]:
    """Every series."""
    observer = source.observer
    for key, flow in observer.traffic.flows.items():
        yield from _calls(key, flow)
        yield from _inputs(key, flow, observer.traffic.digest)
        yield from _outputs(key, flow)
    for key, found in observer.verdicts():
        for name in VERDICTS:
            yield Value("sidecar_verdict", (*key, name), float(name == found.name))
    yield from _performance(observer)
    yield from _reference(observer.traffic.fields, observer.traffic.digest)
    yield from _data_planes(observer)
    yield from _chain(observer)
    yield from _policies(observer)
    yield from _learning(observer)
    yield from _observer(observer)
    yield Value("sidecar_alerts_firing", (), observer.alerts.firing)
    yield Value("sidecar_alert_messages_total", (), observer.alerts.sent)
    yield Value("sidecar_alert_messages_failed_total", (), observer.alerts.failed)
    oddness = observer.traffic.oddness
    yield Value("sidecar_answers_scored_total", (), oddness.scored)
    yield Value("sidecar_answers_odd_total", (), oddness.odd)
    yield Value("sidecar_answers_unlike_total", (), oddness.unlike)
    if source.lines is not None:
        yield Value("sidecar_access_lines_dropped_total", (), source.lines.dropped)
    for sink in source.sinks:
        yield from _capture(sink)
    yield Value("sidecar_spans_exported_total", (), source.spans.exported)
    yield Value("sidecar_spans_failed_total", (), source.spans.failed)
    yield Value("sidecar_spans_over_budget_total", (), source.spans.dropped)


def _calls(key: Key, flow: Flow) -> Iterator[Value]:
    for (status, verdict), count in flow.verdicts.items():
        yield Value("sidecar_requests_total", (*key, str(status), verdict), count)
    yield Value("sidecar_rows_total", tuple(key), flow.rows)
    yield Value("sidecar_rows_flagged_total", tuple(key), flow.flagged)
    total = flow.calls.total
    for i, (column, bounds) in enumerate(calls.BOUNDS.items()):
        sum_ = float(total.moments.mean[i] * total.moments.count[i])
        buckets = _buckets(total.counts[flow.calls.bins.slices[i]], bounds)
        if column == "duration_seconds":
            buckets = _with_traces(buckets, flow.exemplars)
        yield Value(HISTOGRAMS[column], tuple(key), Bucketed(buckets, sum_))


def _with_traces(buckets: Buckets, exemplars: Exemplars) -> Buckets:
    """The same with the latest traced call of each bucket. Scrapers that ask for OpenMetrics see it."""
    told: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
    for number, (bound, count, *_) in enumerate(buckets):
        call = exemplars.latest.get(number)
        if call is None:
            told.append((bound, count))
        else:
            labels = {"trace_id": call.trace, "span_id": call.span}
            told.append((bound, count, Exemplar(labels, call.seconds, call.ended)))
    return told


def _buckets(counts: Counts, bounds: Sequence[float]) -> Buckets:
    # The last count is of calls that have no such value: they're no observation.
    cumulative = counts[:-1].cumsum().tolist()
    return list(zip([*(f"{bound:.10g}" for bound in bounds), "+Inf"], cumulative, strict=True))


def _inputs(key: Key, flow: Flow, digest: str) -> Iterator[Value]:
    if flow.inputs is None or flow.drift is None:
        return
    for field, bin_, count in _counts(flow.inputs):
        yield Value("sidecar_feature_rows_total", (*key, digest, field, bin_), count)
    for i, field in enumerate(flow.drift.names[:FEATURES]):
        yield Value("sidecar_feature_drift_evidence", (*key, field), float(flow.drift.evidence[i]))
        yield Value("sidecar_feature_drift_effect_ratio", (*key, field), float(flow.drift.effects[i]))
    yield Value("sidecar_drift_alarms_total", tuple(key), flow.drift.alarms)
    if flow.relations is not None:
        yield Value("sidecar_relation_drift_evidence", tuple(key), flow.relations.strongest)
        yield Value("sidecar_relation_drift_alarms_total", tuple(key), flow.relations.alarms)


def _outputs(key: Key, flow: Flow) -> Iterator[Value]:
    if flow.outputs.window is not None and flow.outputs.cut:
        for field, bin_, count in _counts(flow.outputs.window):
            yield Value("sidecar_output_rows_total", (*key, field, bin_), count)
    if flow.output_drift is not None:
        for i, name in enumerate(flow.output_drift.names):
            yield Value("sidecar_output_drift_evidence", (*key, name), float(flow.output_drift.evidence[i]))
            yield Value(
                "sidecar_output_drift_effect_ratio", (*key, name), float(flow.output_drift.effects[i])
            )
        yield Value("sidecar_output_drift_alarms_total", tuple(key), flow.output_drift.alarms)


def _counts(window: Window) -> Iterator[tuple[str, str, int]]:
    for field, where in list(zip(window.fields, window.bins.slices, strict=True))[:FEATURES]:
        for bin_, count in zip(distinct(field.labels), window.total.counts[where].tolist(), strict=True):
            yield field.name, bin_, count


def _performance(observer: Observer) -> Iterator[Value]:
    ledger = observer.truth.ledger
    for outcome, count in ledger.counts.items():
        yield Value("sidecar_labels_total", (outcome,), count)
    yield Value("sidecar_labels_waiting", (), ledger.waiting)
    yield Value("sidecar_labelled_calls_kept", (), ledger.calls)
    yield Value("sidecar_labelled_calls_kept_ratio", (), ledger.share)
    for key, known in observer.truth.flows.items():
        yield Value("sidecar_rows_labelled_total", tuple(key), known.labelled)
        for metric, measured in known.measures().items():
            yield Value("sidecar_realised_performance", (*key, metric), measured.value)
        for metric, value in known.estimated().items():
            yield Value("sidecar_estimated_performance", (*key, metric), value)
        if known.concept is not None:
            yield Value("sidecar_concept_drift_evidence", tuple(key), known.concept.strongest)
            yield Value("sidecar_concept_drift_alarms_total", tuple(key), known.concept.alarms)


def _reference(fields: Fields, digest: str) -> Iterator[Value]:
    for field in fields[:FEATURES]:
        for bin_, share in zip(distinct(field.labels), field.probabilities, strict=True):
            yield Value("sidecar_feature_reference_ratio", (digest, field.name, bin_), share)
    yield Value("sidecar_features_unexported", (), max(0, len(fields) - FEATURES))


def _data_planes(observer: Observer) -> Iterator[Value]:
    now = observer.clock()
    totals = observer.workers.totals()
    yield Value("sidecar_calls_total", (), totals.calls)
    for cause, count in totals.failed.items():
        yield Value("sidecar_failures_total", (cause,), count)
    yield Value("sidecar_records_dropped_total", ("queue-full",), totals.records_dropped)
    yield Value("sidecar_records_dropped_bytes_total", (), totals.records_dropped_bytes)
    workers = observer.workers.current(now)
    for worker in workers:
        number, counters = (str(worker.worker),), worker.counters
        yield Value("sidecar_queue_bytes", number, counters.queue_bytes)
        yield Value("sidecar_calls_in_flight", number, counters.in_flight)
        yield Value("sidecar_connections", number, counters.connections)
        yield Value("sidecar_upstream_connections", number, counters.upstream_connections)
    health = observer.workers.health(now)
    yield Value("sidecar_workers", (), len(workers))
    for state in UPSTREAM_STATES:
        yield Value("sidecar_upstream_state", (state,), float(state == health.upstream))
    yield Value("sidecar_ready", (), float(not health.reasons))


def _chain(observer: Observer) -> Iterator[Value]:
    for edge, counts in observer.edges.counts.items():
        parts = {
            "neither": counts.calls - counts.flagged - counts.upstream_odd + counts.both,
            "here": counts.flagged - counts.both,
            "upstream": counts.upstream_odd - counts.both,
            "both": counts.both,
        }
        for odd, count in parts.items():
            yield Value("sidecar_edge_calls_total", (*edge, odd), count)
        yield Value("sidecar_edge_rows_total", tuple(edge), counts.rows)
        yield Value("sidecar_edge_failures_total", tuple(edge), counts.failed)
    for how, count in observer.edges.joins.items():
        yield Value("sidecar_outbound_calls_total", (how,), count)


def _capture(sink: Sink) -> Iterator[Value]:
    role, now, past = (sink.role,), sink.report, sink.past
    yield Value("sidecar_capture_records_total", role, sink.offered)
    yield Value("sidecar_capture_weight_total", role, sink.weight)
    yield Value("sidecar_capture_kept_total", role, sink.kept)
    for reason, count in sink.dropped.items():
        yield Value("sidecar_capture_dropped_total", (*role, reason), count)
    yield Value("sidecar_capture_waiting_bytes", role, sink.waiting_bytes)
    yield Value("sidecar_capture_errors_total", role, past.errors + now.errors)
    yield Value("sidecar_capture_failing", role, float(bool(now.error)))
    yield Value("sidecar_capture_restarts_total", role, max(0, sink.restarts))
    if sink.role == "events":
        yield Value("sidecar_capture_events_total", (), past.events + now.events)
    else:
        yield Value("sidecar_capture_files_total", (), past.files + now.files)
        yield Value("sidecar_capture_file_bytes_total", (), past.file_bytes + now.file_bytes)
        yield Value("sidecar_capture_files_deleted_total", (), past.deleted + now.deleted)
        yield Value("sidecar_capture_spool_bytes", (), now.waiting_bytes)


def _policies(observer: Observer) -> Iterator[Value]:
    totals = observer.workers.totals()
    for key, count in totals.rule_hits.items():
        rule, action, *dry = key.split(" ")
        yield Value("sidecar_policy_hits_total", (rule, action, "true" if dry else "false"), count)
    for rule, count in totals.rule_errors.items():
        yield Value("sidecar_policy_errors_total", (rule,), count)
    for rule, shadow in totals.shadows.items():
        for outcome, count in shadow.outcomes.items():
            yield Value("sidecar_shadow_calls_total", (rule, outcome), count)
        yield Value("sidecar_shadow_rows_total", (rule,), shadow.rows)
        yield Value("sidecar_shadow_differing_rows_total", (rule,), shadow.differing)
        yield Value("sidecar_shadow_seconds_total", (rule, "own"), shadow.seconds)
        yield Value("sidecar_shadow_seconds_total", (rule, "other"), shadow.other_seconds)
    for outcome, count in totals.squeezed.items():
        yield Value("sidecar_squeezed_calls_total", (outcome,), count)
    if observer.settings.policy and observer.run_dir is not None:
        status = handing.status(observer.run_dir)
        yield Value("sidecar_policy_changes_total", ("applied",), status.applied)
        yield Value("sidecar_policy_changes_total", ("refused",), status.refused)
        yield Value("sidecar_policy_valid", (), float(not status.errors))


def _learning(observer: Observer) -> Iterator[Value]:
    learning = observer.learning
    yield Value("sidecar_learning_rows", (), learning.seen)
    yield Value("sidecar_learning_rows_needed", (), learning.need if observer.is_learning else 0)
    yield Value("sidecar_learning_failures_total", (), learning.failures)
    if observer.traffic.digest:
        yield Value("sidecar_baseline_info", (observer.traffic.digest,), 1)
    drift = observer.drift_state().partition(";")[0]
    for state in DRIFT_STATES:
        yield Value("sidecar_drift_state", (state,), float(state == drift))


def _observer(observer: Observer) -> Iterator[Value]:
    yield Value("sidecar_up", (), 1)
    yield Value("sidecar_build_info", (__version__, platform.python_version()), 1)
    yield Value("sidecar_start_time_seconds", (), observer.started)
    yield Value("sidecar_observer_restarts_total", (), observer.starts - 1)
    yield Value("sidecar_observer_records_total", (), observer.records)
    yield Value("sidecar_observer_briefs_total", (), observer.brief)
    yield Value("sidecar_observer_busy_seconds_total", (), observer.busy_seconds)
    for reason, count in observer.traffic.left_out.items():
        yield Value("sidecar_observer_left_out_total", (reason,), count)
