"""Answers scored in the observer: against a real baseline, by the calls they belong to."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest

from sidecar.baseline.fit import fit
from sidecar.observer import oddness as module
from sidecar.observer.answers import read_each
from sidecar.observer.learning import Learning
from sidecar.observer.oddness import Oddness
from tests.observer.talk import learning as heard
from tests.observer.talk import of_rows
from tests.scoring.sets import adbench

ROWS = adbench("38_thyroid").clean[:1000]


def told(rows):
    """A model with a rule: what it answers follows from the question."""
    return rows @ np.array([1.0, -2.0, 3.0, 0.5, 1.5, -1.0])


def body(values):
    return json.dumps({"predictions": np.asarray(values).tolist()}).encode()


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """Learned as from traffic: from the very lines that learning keeps."""
    folder = tmp_path_factory.mktemp("oddness")
    state = Learning(800)
    answers = told(ROWS[:800])
    state.update(
        [heard(i, row, response_body=body([answers[i]])) for i, row in enumerate(ROWS[:800].tolist())]
    )
    (folder / "rows.jsonl").write_bytes(b"\n".join(state.due()))
    return fit(folder / "rows.jsonl", folder / "b", ["ecod"], outputs=["answer:*"]).baseline


@pytest.fixture
def state(baseline):
    found = Oddness()
    found.adopt(baseline.directory, baseline.schema, baseline.digest)
    assert found.reference is not None
    return found


def call(baseline, number, rows, answers):
    return of_rows(number, rows, baseline.digest, response_body=body(answers))


def update(state, records):
    state.update(read_each(records, Counter()))


def test_an_ordinary_answer_to_the_wrong_question_is_odd(baseline, state):
    rows = ROWS[800:]
    right = [call(baseline, i, row[None], told(row[None])) for i, row in enumerate(rows)]
    # A slice of normal questions gets the answers that are due to others at the far end of the order.
    order = np.argsort(told(rows))
    exchanged = np.empty(len(rows))
    exchanged[order] = told(rows)[order[::-1]]
    ends = np.concatenate((order[:40], order[-40:])).tolist()
    wrong = [call(baseline, 1000 + i, rows[i][None], exchanged[i : i + 1]) for i in ends]
    update(state, right[:100])
    update(state, right[100:])
    update(state, wrong)
    p_right, p_wrong = (np.array([state.p(record) for record in records]) for records in (right, wrong))
    assert (p_right <= 0.01).mean() < 0.04
    assert (p_wrong <= 0.01).mean() > 0.4
    assert np.median(p_wrong) < 0.03 < 0.3 < np.median(p_right)
    assert state.scored == len(right) + len(wrong)
    assert state.odd == (p_right <= 0.01).sum() + (p_wrong <= 0.01).sum()


def test_of_a_batch_the_oddest_row_counts(baseline, state):
    rows = ROWS[800:808]
    answers = told(rows)
    answers[3] += 1e3
    single = call(baseline, 0, rows[3:4], answers[3:4])
    update(state, [single, call(baseline, 1, rows, answers)])
    assert state.p(call(baseline, 1, rows, answers)) == state.p(single) < 0.01


def test_what_has_no_counterpart_is_not_scored(baseline, state):
    row = ROWS[800:801]
    other_baseline = of_rows(0, row, "other", response_body=body([1.0]))
    other_shape = of_rows(1, row, baseline.digest, response_body=b'{"predictions": [{"a": 1, "b": 2}]}')
    rows_differ = of_rows(2, row, baseline.digest, response_body=body([1.0, 2.0]))
    unreadable = of_rows(3, row, baseline.digest, response_body=body(["no number"]))
    update(state, [other_baseline, other_shape, rows_differ, unreadable])
    assert (state.scored, state.unlike) == (0, 2)
    assert math.isnan(state.p(other_shape))


def test_the_latest_are_kept(baseline, state, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    calls = [call(baseline, i, row[None], told(row[None])) for i, row in enumerate(ROWS[800:805])]
    update(state, calls)
    assert [math.isnan(state.p(one)) for one in calls] == [True, True, False, False, False]


def test_a_baseline_that_cannot_be_read_scores_nothing(baseline, state):
    state.adopt("/nowhere", baseline.schema, baseline.digest)
    update(state, [call(baseline, 0, ROWS[800:801], [1.0])])
    assert state.scored == 0
