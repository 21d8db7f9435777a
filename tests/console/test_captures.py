"""What the sinks are told: only what is captured, with the names of its features and the drift state."""

from sidecar.capture.parcels import parcel
from sidecar.console.captures import Captures
from sidecar.observer.observer import Observer
from tests.capture.kept import CAPTURED
from tests.observer.real import NAMES, draw
from tests.observer.talk import of_rows, record
from tests.observer.test_observer import Clock, settings


def test_nothing_is_set_up_unless_asked_for(tmp_path):
    assert Captures(settings(), tmp_path, Observer(settings(), Clock())).sinks == ()


def test_records_come_with_the_names_of_their_features(baseline, tmp_path):
    own = settings(baseline=baseline.directory, capture=str(tmp_path))
    captures = Captures(own, tmp_path, Observer(own, Clock()))
    (sink,) = captures.sinks
    kept = of_rows(1, draw(2, seed=1), baseline.digest, weight=10.0, captured=CAPTURED)
    captures.tell((record(0), kept))
    assert (sink.offered, sink.weight, sink.place) == (1, 10.0, str(tmp_path))
    (told,) = [parcel(waiting.data[4:]) for waiting in sink._queue]
    assert [one.id for one in told.records] == ["call-1"]
    assert told.layouts[baseline.digest].names == NAMES
    assert told.drift == "stable"


def test_without_a_baseline_there_are_no_names(tmp_path):
    own = settings(capture="memory://x")
    captures = Captures(own, tmp_path, Observer(own, Clock()))
    captures.tell((record(1, captured=CAPTURED, weight=1.0),))
    (told,) = [parcel(waiting.data[4:]) for waiting in captures.sinks[0]._queue]
    assert (told.layouts, told.drift) == ({}, "unknown")


def test_two_sinks_get_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("POD_NAMESPACE", "models")
    own = settings(capture="memory://x", capture_events="http://127.0.0.1:1/")
    captures = Captures(own, tmp_path, Observer(own, Clock()))
    captures.tell((record(1, captured=CAPTURED, weight=2.0),))
    told = [(sink.role, sink.offered, sink.weight) for sink in captures.sinks]
    assert told == [("files", 1, 2.0), ("events", 1, 2.0)]
