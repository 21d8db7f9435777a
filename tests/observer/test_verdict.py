"""Real digits and a model's answers, through the whole observer: each row of the table comes true."""

import itertools
from typing import get_args

import numpy as np
import pytest

from sidecar.observer.observer import Observer, State
from sidecar.observer.snapshot import decode, encode
from sidecar.observer.verdict import TABLE, Inputs, Outputs, broken_columns, verdict
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
