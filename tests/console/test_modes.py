import msgspec
import numpy as np
import pytest

from sidecar.cascade.pairs import Lineage
from sidecar.console.modes import modes, worst
from sidecar.observer.edges import Counts, Edge
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.observer.real import draw
from tests.observer.talk import batch, of_rows
from tests.observer.test_observer import Clock, busy, play, settings


def states(observer):
    return {one.name: one.state for one in modes(observer)}


def mode(observer, name):
    return next(one for one in modes(observer) if one.name == name)


def test_all_six_wait_or_are_off_before_anything_is_known():
    observer = Observer(settings(learn_rows=7), Clock())
    assert [one.name for one in modes(observer)] == [
        *("outliers", "skew", "drift", "answers", "adversarial", "cascade")
    ]
    assert set(states(observer).values()) == {"waiting", "off"}
    assert "0 of 7 rows" in mode(observer, "drift").evidence
    assert worst(modes(observer)) == "waiting"


def test_why_learning_failed_and_why_a_baseline_cannot_be_read_is_said():
    observer = Observer(settings(), Clock())
    observer.learning.failed("all columns are constant")
    assert "all columns are constant" in mode(observer, "outliers").evidence
    observer = Observer(settings(baseline="/nowhere"), Clock())
    assert "/nowhere" in mode(observer, "drift").evidence


def test_normal_traffic_is_fine(baseline):
    observer = busy(baseline)
    assert {states(observer)[name] for name in ("outliers", "skew", "drift")} == {"fine"}
    assert worst(modes(observer)) == "fine"


def test_a_drift_is_an_alarm_that_names_the_feature_and_when_it_began(baseline):
    found = mode(drifted(baseline), "drift")
    assert (found.state, found.page) == ("alarm", "/features")
    assert "x7" in found.evidence
    assert found.since > 0
    assert found.next


def test_rows_that_never_matched_are_skew_and_no_drift(baseline):
    observer = Observer(settings(baseline=baseline.directory), Clock())
    observer.hear(batch(baseline=baseline.directory))
    rows = draw(400, seed=6)
    rows[:, 12] += 1.0
    play(observer, baseline, rows)
    assert (states(observer)["skew"], states(observer)["drift"]) == ("alarm", "fine")


def flagged(observer, baseline, rows, count):
    records = [
        of_rows(i, row[None], baseline.digest, flagged=(0,) if i < count else (), p=0.002, verdict="outlier")
        for i, row in enumerate(rows)
    ]
    for start in range(0, len(records), 20):
        observer.clock.now += 6.0
        observer.take_in(records[start : start + 20])


@pytest.mark.parametrize(("count", "state"), [(3, "fine"), (60, "alarm")])
def test_more_flagged_rows_than_promised_are_an_alarm(baseline, count, state):
    observer = busy(baseline)
    flagged(observer, baseline, draw(200, seed=9), count)
    found = mode(observer, "outliers")
    assert found.state == state
    assert f"{count} of the last 800 rows" in found.evidence
    assert (found.since > 0) == (state == "alarm")


def test_a_threshold_that_flags_nothing_is_worth_a_look(baseline):
    observer = busy(baseline, threshold=1e-9)
    assert states(observer)["outliers"] == "watch"


def test_answers_that_move_though_inputs_do_not_are_named(baseline):
    observer = Observer(settings(baseline=baseline.directory, window_rows=100), Clock())
    rows = draw(900, seed=3)
    random = np.random.default_rng(1)
    for start in range(0, len(rows), 10):
        observer.clock.now += 1.0
        shift = 3.0 if start >= 450 else 0.0
        observer.take_in(
            [
                of_rows(
                    start + i,
                    row[None],
                    baseline.digest,
                    response_body=b'{"predictions": [%f]}' % (random.normal() + shift),
                )
                for i, row in enumerate(rows[start : start + 10])
            ]
        )
    found = mode(observer, "answers")
    assert (found.state, found.page) == ("alarm", "/performance")
    assert states(observer)["drift"] == "fine"


def test_without_a_baseline_nobody_says_that_nothing_drifts():
    observer = Observer(settings(), Clock())
    observer.edges.counts[Edge("speech", observer.edges.service)] = Counts(10, 10)
    found = mode(observer, "cascade")
    assert (found.state, found.next) == ("waiting", "Ask which model changed")
    assert "speech" in found.evidence


def test_a_drift_that_came_from_an_earlier_model_names_it(baseline):
    observer = drifted(baseline)
    assert states(observer)["cascade"] == "off"
    observer.edges.counts[Edge("speech", observer.edges.service)] = Counts(10, 10)
    assert states(observer)["cascade"] == "watch", "it is fed, and drifts"
    since = observer.drifting_since()
    observer.lineage.heard("speech", Lineage("speech", 1, (), since - 60, "speech"))
    found = mode(observer, "cascade")
    assert found.state == "alarm"
    assert "speech" in found.evidence


def test_made_inputs_are_fine_only_where_something_is_looked_for(baseline):
    observer = busy(baseline)
    found = mode(observer, "adversarial")
    assert found.state == "off"
    assert "Not looked for" in found.evidence
    observer.workers.update(batch(signs=("noise", "query-sequence")), observer.clock())
    observer.workers.connected(0)
    found = mode(observer, "adversarial")
    assert found.state == "fine"
    assert "noise in pictures, sequences of questions" in found.evidence


def test_calls_called_adversarial_are_an_alarm(baseline):
    observer = busy(baseline)
    made = of_rows(7000, draw(1, seed=2), baseline.digest, verdict="adversarial")
    observer.take_in([msgspec.structs.replace(made, id="made")])
    assert states(observer)["adversarial"] == "alarm"
