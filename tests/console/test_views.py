import msgspec
import pytest

from sidecar.console.views import drift, learning, status, when
from sidecar.link import Counters
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.observer.talk import batch
from tests.observer.test_observer import Clock, settings


def test_times_are_rfc_3339():
    assert when(1763910000.25) == "2025-11-23T15:00:00.250Z"
    assert when(0.0) is None


def test_status_tells_what_is_lost_and_where_it_waits(baseline):
    observer = drifted(baseline)
    counters = Counters(
        calls=1002,
        failed={"upstream-refused": 1},
        records_dropped=3,
        records_dropped_bytes=999,
        queue_bytes=77,
    )
    observer.hear(batch(counters=counters, baseline=baseline.directory))
    observer.clock.now += 2.0
    found = status(observer)
    assert (found["calls"], found["failed"]) == (1002, {"upstream-refused": 1})
    assert (found["records_dropped"], found["records_dropped_bytes"], found["queue_bytes"]) == (3, 999, 77)
    assert found["workers"][0]["counters"]["queue_bytes"] == 77
    assert found["records"] == 1002
    assert found["baseline"] == {
        "directory": baseline.directory,
        "digest": baseline.digest,
        "error": "",
        "detectors": baseline.detectors,
        "calibration_rows": baseline.calibration_rows,
        "finest_p": baseline.finest_p,
        "flags_nothing": False,
    }
    assert found["health"] == {"data_plane": "up", "upstream": "up", "workers": 1, "reasons": ()}
    assert found["uptime_seconds"] == pytest.approx(0.2 * 50 + 2.0)
    assert found["drift"].startswith("feature-drift; ")
    assert msgspec.json.decode(msgspec.json.encode(found))["health"]["reasons"] == []


def test_learning_is_off_when_a_baseline_was_given(baseline):
    assert learning(Observer(settings(baseline=baseline.directory)))["phase"] == "off"
    found = learning(Observer(settings(learn_rows=7)))
    assert (found["phase"], found["rows_seen"], found["rows_needed"]) == ("collecting", 0, 7)


def test_drift_shows_every_feature_with_its_evidence(baseline):
    observer = drifted(baseline)
    found = drift(observer)
    (flow,) = found["flows"]
    assert (flow["model"], flow["route"]) == ("glass", "/v1/models/{model}:predict")
    assert flow["features"][0]["feature"] == "x7"
    assert {one["feature"] for one in flow["features"]} == set(baseline.schema.names)
    evidence = [one["log_evidence"] for one in flow["features"]]
    assert evidence == sorted(evidence, reverse=True)
    assert flow["alarm"]["features"][0]["feature"] == "x7"
    assert flow["alarm"]["since"] < flow["alarm"]["raised"]
    assert flow["alarm"]["ended"] is None
    assert evidence[0] > flow["threshold"]


def test_without_a_reference_drift_is_unknown():
    assert drift(Observer(settings(), Clock())) == {"state": "unknown", "flows": []}
