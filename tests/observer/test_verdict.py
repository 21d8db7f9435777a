"""Real digits and a model's answers, through the whole observer: each row of the table comes true."""

import itertools
from typing import get_args

import numpy as np
import pytest

from sidecar.labels.label import Label
from sidecar.observer import answers
from sidecar.observer.observer import Observer, State
from sidecar.observer.snapshot import decode, encode
from sidecar.observer.verdict import MOVED_TRUTH, TABLE, Inputs, Name, Outputs, broken_columns, verdict
from tests.observer.real import draw
from tests.observer.talk import of_rows, record
from tests.observer.test_observer import Clock, settings

WINDOW = 500
WEIGHTS = np.random.default_rng(3).normal(size=16)


def answered(observer, baseline, rows, model=lambda row: row @ WEIGHTS, **changes):
    """Calls of ten rows each, and what the model answered."""
    for start in range(0, len(rows), 10):
        part = rows[start : start + 10]
        body = f'{{"predictions": {[float(model(row)) for row in part]}}}'.encode()
        observer.clock.now += 0.1
        observer.take_in([of_rows(start, part, baseline.digest, response_body=body, **changes)])


def moved(seed, rows=600, feature=12, by=1.0):
    found = draw(rows, seed=seed)
    found[:, feature] += by
    return found


@pytest.fixture
def observer(baseline):
    return Observer(settings(baseline=baseline.directory, window_rows=WINDOW), Clock())


def the_verdict(observer):
    (flow,) = observer.traffic.flows.values()
    return verdict(flow)


def test_every_pair_of_facts_has_a_verdict():
    assert set(TABLE) == set(itertools.product(get_args(Inputs), get_args(Outputs)))


def test_every_meaning_has_another_when_the_truth_moved():
    assert set(MOVED_TRUTH) == set(TABLE.values())
    assert set(MOVED_TRUTH.values()) | set(TABLE.values()) == set(get_args(Name))


def labelled(observer, baseline, rows, start, truth, model=lambda row: row @ WEIGHTS):
    """Calls of one row each, and their labels."""
    for first in range(0, len(rows), 25):
        records, labels = [], []
        for i, row in enumerate(rows[first : first + 25], start + first):
            body = f'{{"predictions": [{float(model(row))}]}}'.encode()
            observer.clock.now += 0.02
            moment = int(observer.clock.now * 1e9)
            records.append(
                of_rows(i, row[None], baseline.digest, response_body=body, started_ns=moment, ended_ns=0)
            )
            labels.append(Label(f"call-{i}", 0, float(truth(row))))
        observer.take_in(records)
        observer.truth.label(labels, observer.clock())


def noisy(shift, seed=9):
    random = np.random.default_rng(seed)
    return lambda row: row @ WEIGHTS + 0.5 * random.normal() + shift


@pytest.fixture
def every_answer_is_read(monkeypatch):
    monkeypatch.setattr(answers, "SHARE", 1.0)


def test_a_truth_that_moves_alone_is_concept_drift(every_answer_is_read, observer, baseline):
    labelled(observer, baseline, draw(1500, seed=1), 0, noisy(0.0))
    assert observer.drift_state() == "stable"
    began = observer.clock.now
    labelled(observer, baseline, draw(500, seed=2), 2000, noisy(0.6))
    found = the_verdict(observer)
    assert (found.name, found.inputs, found.outputs, found.labels) == (
        *("concept-drift", "as-reference", "as-before"),
        "moved",
    )
    assert abs(found.since - began) <= 2.0
    assert observer.drift_state().startswith('concept-drift; label="predictions"; since=@')
    again = Observer(observer.settings, observer.clock)
    again.restore(decode(encode(observer.keep()), State))
    assert again.drift_state() == observer.drift_state()
    answered(observer, baseline, draw(20, seed=3))
    change = observer.history.changes[-1]
    assert (change.verdict, change.part) == ("concept-drift", "label")
    assert change.effect >= 0.05
    answered(observer, baseline, draw(800, seed=4), version="2")
    (closed,) = observer.history.closed
    assert [alarm.since for alarm in closed.alarms] == [found.since]


def test_inputs_and_truth_that_move_are_both_named(every_answer_is_read, observer, baseline):
    labelled(observer, baseline, draw(1500, seed=1), 0, noisy(0.0))
    rows = draw(3000, seed=2)
    rows = rows[rows[:, 12] > np.median(rows[:, 12])][:800]
    labelled(observer, baseline, rows[:400], 2000, noisy(0.0))
    assert the_verdict(observer).name == "feature-drift", "the model is as good as before where it is asked"
    labelled(observer, baseline, rows[400:], 4000, noisy(0.8))
    found = the_verdict(observer)
    assert (found.name, found.part, found.subject) == ("feature-and-concept-drift", "feature", "x7")


def test_nothing_moved(observer, baseline):
    answered(observer, baseline, draw(3000, seed=1))
    found = the_verdict(observer)
    assert (found.name, found.inputs, found.outputs) == ("stable", "as-reference", "as-before")
    assert observer.drift_state() == "stable"


def test_rows_that_differ_from_the_first_on_are_skew(observer, baseline):
    answered(observer, baseline, moved(1))
    found = the_verdict(observer)
    assert (found.name, found.subject) == ("skew", "x7")
    assert observer.drift_state().startswith('skew; feature="x7"; since=@')


@pytest.mark.parametrize(("used", "outputs"), [(12, "moved"), (1, "as-before")])
def test_rows_that_move_after_a_good_start_are_feature_drift_whatever_answers_do(
    observer, baseline, used, outputs
):
    answered(observer, baseline, draw(1500, seed=1), model=lambda row: row[used])
    answered(observer, baseline, moved(2), model=lambda row: row[used])
    found = the_verdict(observer)
    assert (found.name, found.inputs, found.outputs) == ("feature-drift", "moved", outputs)
    assert found.subject == "x7"


def test_a_relation_that_changes_while_each_column_looks_as_it_did_is_feature_drift(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1), model=lambda row: row[1])
    rows = draw(1500, seed=2)
    rows[:, 12] = np.random.default_rng(0).permutation(rows[:, 12])
    answered(observer, baseline, rows, model=lambda row: row[1])
    found = the_verdict(observer)
    assert (found.name, found.inputs, found.outputs) == ("feature-drift", "moved", "as-before")
    assert (found.part, found.subject) == ("relation", "x7")
    assert observer.drift_state().startswith('feature-drift; relation="x7"; since=@')
    again = Observer(observer.settings, observer.clock)
    again.restore(decode(encode(observer.keep()), State))
    assert again.drift_state() == observer.drift_state()


def test_answers_that_move_alone_are_prediction_drift(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    began = observer.clock.now
    answered(observer, baseline, draw(800, seed=2), model=lambda row: row @ WEIGHTS + 1.5)
    found = the_verdict(observer)
    assert (found.name, found.inputs, found.outputs) == ("prediction-drift", "as-reference", "moved")
    assert abs(found.since - began) <= 1.0
    assert observer.drift_state().startswith('prediction-drift; output="predictions"; since=@')


def test_recovery_ends_a_verdict(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    answered(observer, baseline, moved(2, rows=300))
    assert the_verdict(observer).name == "feature-drift"
    answered(observer, baseline, draw(3000, seed=3))
    assert observer.drift_state() == "stable"
    (flow,) = observer.traffic.flows.values()
    assert len(flow.drift.history) == 1
    answered(observer, baseline, moved(4, feature=3))
    assert the_verdict(observer).name == "feature-drift", "not skew: there was a good start"


def test_a_verdict_outlives_a_restart(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    answered(observer, baseline, draw(800, seed=2), model=lambda row: row @ WEIGHTS + 1.5)
    again = Observer(observer.settings, observer.clock)
    again.restore(decode(encode(observer.keep()), State))
    assert again.drift_state() == observer.drift_state()
    answered(again, baseline, draw(500, seed=3), model=lambda row: row @ WEIGHTS + 1.5)
    assert the_verdict(again).name == "prediction-drift"


def restarted(observer):
    again = Observer(observer.settings, observer.clock)
    again.restore(decode(encode(observer.keep()), State))
    return again


def test_a_suspicion_outlives_a_restart_before_any_call_comes(observer, baseline):
    answered(observer, baseline, draw(1500, seed=1))
    answered(observer, baseline, moved(2, rows=120, by=0.08), model=lambda row: row @ WEIGHTS + 6.0)
    found = the_verdict(observer)
    assert (found.name, found.inputs, found.outputs) == ("feature-drift", "suspected", "moved")
    assert the_verdict(restarted(observer)) == found


def test_refusals_outlive_a_restart_before_any_call_comes(observer, baseline):
    answered(observer, baseline, draw(600, seed=1))
    observer.take_in([record(i, verdict="unscored", reason="schema-mismatch:missing:x4") for i in range(60)])
    found = the_verdict(observer)
    assert found.subject == "x4"
    assert the_verdict(restarted(observer)) == found


@pytest.mark.parametrize(
    ("break_", "kind"),
    [
        (lambda x: x * 100, "unit"),
        (lambda x: np.full_like(x, np.nan), "missing"),
        (lambda x: x * 0 + 0.3, "stuck"),
    ],
)
def test_a_column_that_breaks_is_named_as_broken(observer, baseline, break_, kind):
    answered(observer, baseline, draw(1500, seed=1))
    rows = draw(200, seed=2)
    rows[:, 6] = break_(rows[:, 6])
    answered(observer, baseline, rows)
    (flow,) = observer.traffic.flows.values()
    assert [(one.feature, one.kind) for one in broken_columns(flow, observer.clock.now)] == [("x4", kind)]
    assert the_verdict(observer).name == "feature-drift"


def test_a_column_that_is_left_out_is_a_drift_though_no_row_can_be_laid_out(observer, baseline):
    answered(observer, baseline, draw(600, seed=1))
    refused = [record(i, verdict="unscored", reason="schema-mismatch:missing:x4") for i in range(60)]
    observer.take_in(refused)
    assert the_verdict(observer).name == "feature-drift"
    assert observer.drift_state().startswith('feature-drift; feature="x4"')
    answered(observer, baseline, draw(600, seed=2))
    assert observer.drift_state() == "stable"


def test_calls_to_nowhere_are_no_drift(observer, baseline):
    answered(observer, baseline, draw(600, seed=1))
    noise = {"verdict": "unscored", "reason": "schema-mismatch:missing:x4", "status": 404}
    observer.take_in([record(i, target=f"/wp-{i}", model=f"m{i}", **noise) for i in range(90)])
    assert observer.drift_state() == "stable"
