from collections import defaultdict
from typing import get_args

import numpy as np
import pytest

from sidecar.console import metric_values as module
from sidecar.console.metric_values import HISTOGRAMS, Bucketed, Source, values
from sidecar.link import Counters
from sidecar.observer import calls
from sidecar.observer.observer import Observer
from sidecar.observer.verdict import Name
from tests.console.admin import NoSpans, drifted
from tests.observer.real import draw
from tests.observer.talk import batch, of_rows, record
from tests.observer.test_observer import Clock, busy, play, settings


def series(observer):
    """Metric -> labels -> value."""
    found = defaultdict(dict)
    for name, labels, value in values(Source(observer, NoSpans())):
        assert labels not in found[name], "no series comes twice"
        found[name][labels] = value
    return found


GLASS = ("glass", "", "/v1/models/{model}:predict")


def test_histograms_count_every_call_that_has_such_a_value():
    observer = Observer(settings(), Clock())
    random = np.random.default_rng(0)
    durations = random.exponential(0.05, size=500)
    scores = random.random(500)
    observer.take_in(
        [
            record(i, ended_ns=int(seconds * 1e9), p=1 - score, forwarded_ns=0)
            for i, (seconds, score) in enumerate(zip(durations, scores, strict=True))
        ]
    )
    found = series(observer)
    histogram = found["sidecar_request_duration_seconds"][GLASS]
    assert isinstance(histogram, Bucketed)
    for (bound, count), edge in zip(histogram.buckets, (*calls.SECONDS, np.inf), strict=True):
        assert (float(bound), count) == (edge, (durations <= edge).sum())
    assert histogram.sum == pytest.approx(durations.sum(), rel=1e-6)
    assert found["sidecar_score"][GLASS].buckets[-1] == ("+Inf", 500)
    assert found["sidecar_upstream_duration_seconds"][GLASS].buckets[-1] == ("+Inf", 0), "none was forwarded"
    assert set(HISTOGRAMS) == set(calls.BOUNDS)


def test_a_value_on_a_bound_is_under_it():
    observer = Observer(settings(), Clock())
    observer.take_in([record(0, ended_ns=100_000_000, request_bytes=1024)])
    found = series(observer)
    assert dict(found["sidecar_request_duration_seconds"][GLASS].buckets)["0.1"] == 1
    assert dict(found["sidecar_request_size_bytes"][GLASS].buckets)["1024"] == 1


def test_bin_counters_of_two_pods_add_up_to_those_of_one(baseline):
    rows = draw(200, seed=3)
    pods = [busy(baseline), busy(baseline), busy(baseline)]
    for pod, part in zip(pods, (rows, rows[:70], rows[70:]), strict=True):
        play(pod, baseline, part)
    before = series(busy(baseline))["sidecar_feature_rows_total"]
    whole, one, other = (series(pod)["sidecar_feature_rows_total"] for pod in pods)
    assert len(whole) > 16 * 5
    for labels, count in whole.items():
        assert count == one[labels] + other[labels] - before[labels]


def test_bin_counters_stand_beside_the_reference(baseline):
    found = series(busy(baseline))
    shares = found["sidecar_feature_reference_ratio"]
    assert {labels[3:] for labels in found["sidecar_feature_rows_total"]} == set(shares)
    for field in baseline.reference:
        own = {bin_: share for (_, name, bin_), share in shares.items() if name == field.name}
        assert sum(own.values()) == pytest.approx(1)
    assert {labels[3] for labels in found["sidecar_feature_rows_total"]} == {baseline.digest}


def test_a_drift_is_seen_in_the_numbers(baseline):
    calm, moved = series(busy(baseline)), series(drifted(baseline))
    names = get_args(Name)
    states = dict.fromkeys(((name,) for name in (*names, "upstream")), 0)
    assert calm["sidecar_drift_state"] == states | {("stable",): 1}
    assert moved["sidecar_drift_state"][("feature-drift",)] == 1
    evidence = moved["sidecar_feature_drift_evidence"]
    assert max(evidence, key=evidence.get) == (*GLASS, "x7")
    assert moved["sidecar_drift_alarms_total"][GLASS] == 1
    assert moved["sidecar_verdict"][(*GLASS, "feature-drift")] == 1
    assert calm["sidecar_verdict"][(*GLASS, "stable")] == 1
    flows = len(moved["sidecar_verdict"]) / len(names)
    assert sum(moved["sidecar_verdict"].values()) == flows, "one for each flow"
    assert moved["sidecar_output_drift_alarms_total"][GLASS] == 0
    assert set(moved["sidecar_output_drift_evidence"]) == {(*GLASS, "predictions")}
    assert moved["sidecar_output_rows_total"][(*GLASS, "predictions", "1.5")] > 0


def test_what_the_data_planes_count_is_shown_as_they_count_it():
    observer = Observer(settings(learn_rows=9), Clock())
    for worker in (0, 1):
        observer.connected(worker)
        counters = Counters(
            calls=100, failed={"client-gone": 3}, records_dropped=5, records_dropped_bytes=500,
            queue_bytes=70 + worker, in_flight=4, connections=6, upstream_connections=2,
        )  # fmt: skip
        observer.hear(batch(worker=worker, counters=counters, upstream="down"))
    found = series(observer)
    assert found["sidecar_calls_total"] == {(): 200}
    assert found["sidecar_failures_total"] == {("client-gone",): 6}
    assert found["sidecar_records_dropped_total"] == {("queue-full",): 10}
    assert found["sidecar_queue_bytes"] == {("0",): 70, ("1",): 71}
    assert found["sidecar_workers"] == {(): 2}
    assert found["sidecar_upstream_state"] == {("up",): 0, ("down",): 1, ("unknown",): 0}
    assert found["sidecar_ready"] == {(): 0}
    assert found["sidecar_learning_rows_needed"] == {(): 9}
    assert found["sidecar_up"] == {(): 1}


def test_very_many_features_are_not_exported_but_counted(baseline, monkeypatch):
    monkeypatch.setattr(module, "FEATURES", 5)
    found = series(busy(baseline))
    assert {labels[4] for labels in found["sidecar_feature_rows_total"]} == set(baseline.schema.names[:5])
    assert found["sidecar_features_unexported"] == {(): 11}


def test_bins_that_are_called_alike_stay_apart(baseline):
    observer = Observer(settings(window_rows=20), Clock())
    body = b'{"predictions": ["missing", "new", "new", "cat"]}'
    observer.take_in([record(i, response_body=body) for i in range(10)])
    counts = series(observer)["sidecar_output_rows_total"]
    assert {labels[-1] for labels in counts} == {"missing", "new", "cat", "new #2", "missing #2"}


def test_rows_flagged_and_left_out_are_counted(baseline):
    observer = busy(baseline)
    observer.take_in(
        [of_rows(0, draw(4, seed=1), baseline.digest, flagged=(1, 2)), of_rows(1, draw(4, seed=1), "old")]
    )
    found = series(observer)
    assert found["sidecar_rows_flagged_total"][GLASS] == 2
    assert found["sidecar_rows_total"][GLASS] == 608
    assert found["sidecar_observer_left_out_total"][("other-baseline",)] == 1
