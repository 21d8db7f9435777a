"""sidecar's own counts are read from its metrics text."""

from __future__ import annotations

from bench.rig.told import Told, parse

TEXT = """\
# TYPE sidecar_calls_total counter
sidecar_calls_total 120
sidecar_observer_records_total 100
sidecar_records_dropped_total{reason="queue-full"} 15
sidecar_records_dropped_total{reason="lost"} 5
sidecar_records_dropped_bytes_total 9999
sidecar_requests_total{model="a b",status="200",verdict="normal"} 60
sidecar_requests_total{model="a b",status="200",verdict="outlier"} 30
sidecar_requests_total{model="a b",status="200",verdict="unscored"} 10
"""


def test_totals_are_summed_over_labels_and_longer_names_left_alone() -> None:
    assert parse(TEXT) == Told(calls=120, records=100, dropped=20, spans=0, scored=90)


def test_difference() -> None:
    assert parse(TEXT).since(Told(20, 10, 20, 0, 90)) == Told(100, 90, 0, 0, 0)
