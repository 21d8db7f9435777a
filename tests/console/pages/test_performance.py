from sidecar.console import performance_view, verdict_view
from sidecar.console.pages import performance
from sidecar.observer.observer import Observer
from tests.console.seen import check
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings

REALISED = {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}


def flow(**changes):
    window = {"rows": 100, "since": "2025-11-23T15:00:00Z", "until": "2025-11-23T15:10:00Z"}
    window |= {"realised": REALISED, "estimated": {"accuracy": 0.9}}
    past = {**window, "until": "2025-11-23T15:05:00Z"}
    names = {"model": "m", "version": "1", "route": "/x", "note": ""}
    found = {"window": window, "history": [past], "estimated": {"rows": 50, "accuracy": 0.85}}
    return {**names, **found, "label_delay_seconds": {"median": 3.0, "nine_in_ten": 9.0}, **changes}


def drawn(*flows):
    labels = {"labels": {"joined": 100}, "labels_waiting": 2, "calls_kept": 10, "calls_kept_share": 1.0}
    return check("".join(performance.parts({**labels, "flows": flows}, {"flows": []})))


def test_realised_estimated_and_the_gap_between_stand_in_one_row():
    seen = drawn(flow())
    assert "accuracy0.80.70.90.9-0.10.85" in seen.words
    assert "3 s after" in seen.words
    assert any(a.get("id") == "chart-0-accuracy" for _, a in seen.elements)


def test_without_labels_it_says_what_is_missing():
    nothing = {"rows": 0, "since": None, "until": None, "realised": {}, "estimated": None}
    seen = drawn(flow(window=nothing, history=[], estimated={"rows": 0}, note="no classes"))
    assert "No classes." in seen.words
    observer = Observer(settings(), Clock())
    observer.take_in([record(1)])
    found = performance_view.performance(observer), verdict_view.verdicts(observer)
    seen = check("".join(performance.parts(*found)))
    assert "No label has come" in seen.words
    assert "No labels yet." in seen.words


def test_an_onset_of_inputs_is_not_said_of_answers():
    test = {"state": "as-before", "threshold": 14.3, "log_evidence": -0.2}
    one = {"model": "m", "version": "1", "route": "/x", "since": "2025-11-23T15:00:00Z"}
    one |= {"outputs": test, "labels": {**test, "state": "no-reference"}}
    nothing = {"labels": {}, "labels_waiting": 0, "flows": []}
    seen = check("".join(performance.parts(nothing, {"flows": [one]})))
    assert "as before" in seen.words
    assert "15:00:00" not in seen.words
    moved = {**one, "labels": {**test, "state": "moved"}}
    assert "15:00:00" in check("".join(performance.parts(nothing, {"flows": [moved]}))).words
