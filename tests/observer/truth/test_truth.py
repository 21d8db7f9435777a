"""Real digits and a model's answers, through the whole observer."""

import numpy as np
import pytest

from sidecar.labels.label import Label
from sidecar.observer.observer import Observer, State
from sidecar.observer.routes import Key
from sidecar.observer.snapshot import decode, encode
from sidecar.observer.truth import truth as module
from sidecar.observer.truth.truth import PROBLEMS
from tests.observer.real import draw
from tests.observer.talk import of_rows, record
from tests.observer.test_observer import Clock, settings

GLASS = Key("glass", "", "/v1/models/{model}:predict")


@pytest.fixture
def observer():
    return Observer(settings(window_rows=100), Clock())


def answer(observer, start, n, body='{{"predictions": [{}]}}', **changes):
    records = [record(start + i, response_body=body.format(float(i)).encode(), **changes) for i in range(n)]
    for first in range(0, n, 50):
        observer.take_in(records[first : first + 50])
    return [one.id for one in records]


def push(observer, ids, value=lambda i: i + 0.25):
    return observer.truth.label([Label(id_, 0, value(i)) for i, id_ in enumerate(ids)], observer.clock())


def test_labels_meet_answers(observer):
    ids = answer(observer, 0, 60)
    taken = push(observer, ids)
    assert taken.outcomes == {"joined": 60}
    known = observer.truth.flows[GLASS]
    assert known.measures()["mae"].value == pytest.approx(0.25)


def test_each_model_has_its_own_performance(observer):
    a = answer(observer, 0, 60)
    b = answer(observer, 100, 60, model="other", target="/v1/models/other:predict")
    push(observer, a)
    push(observer, b, value=lambda i: i + 2.5)
    found = {key.model: known.measures()["mae"].value for key, known in observer.truth.flows.items()}
    assert found == {"glass": pytest.approx(0.25), "other": pytest.approx(2.5)}


def test_rows_of_a_call_are_told_apart(observer):
    body = b'{"predictions": [1.0, 2.0, 3.0]}'
    observer.take_in([record(i, rows=3, response_body=body) for i in range(30)])
    labels = [Label(f"call-{i}", row, row + 1.5) for i in range(30) for row in (0, 2)]
    assert observer.truth.label([*labels, Label("call-0", 3, 0.0)], observer.clock()).outcomes == {
        "joined": 60,
        "no-such-row": 1,
    }
    assert observer.truth.flows[GLASS].measures()["mae"].value == pytest.approx(0.5)


def test_what_had_no_use_is_named_up_to_a_number(observer):
    ids = answer(observer, 0, 60)
    push(observer, ids)
    taken = push(observer, ids, value=lambda i: i + 9.5)
    assert taken.outcomes == {"contradictory": 60}
    assert taken.problems[0] == (Label("call-0", 0, 9.5), "contradictory")
    assert len(taken.problems) == PROBLEMS == len(taken.merge(taken).problems)
    assert taken.merge(taken).outcomes == {"contradictory": 120}


def test_an_answer_of_another_shape_gets_no_labels(observer):
    answer(observer, 0, 60)
    ids = answer(observer, 100, 2, body='{{"predictions": [[{}, 1.0]]}}')
    assert push(observer, ids).outcomes == {"waiting": 2}
    assert observer.truth.left_out["other-shape"] == 2


def test_calls_that_failed_or_cannot_be_read_get_no_labels(observer):
    ids = answer(observer, 0, 2, status=500) + answer(observer, 10, 2, codec="")
    assert push(observer, ids).outcomes == {"waiting": 4}


def test_flows_are_bounded(observer, monkeypatch):
    monkeypatch.setattr(module, "FLOWS", 2)
    for i in range(3):
        answer(observer, 10 * i, 2, model=f"m{i}", target=f"/v1/models/m{i}:predict")
    assert observer.truth.left_out["flow-limit"] == 2


def test_inputs_are_kept_by_their_bins(baseline):
    observer = Observer(settings(baseline=baseline.directory, window_rows=100), Clock())
    rows = draw(60, seed=1)
    body = b'{"predictions": [1.0]}'
    observer.take_in(
        [of_rows(i, row[None], baseline.digest, response_body=body) for i, row in enumerate(rows)]
    )
    push(observer, [f"call-{i}" for i in range(60)])
    (kept,) = (known.keep() for known in observer.truth.flows.values())
    codes = np.frombuffer(b"".join(row.codes for row in kept.window), np.uint8).reshape(60, 16)
    edges = [np.array(field.edges) for field in baseline.reference]
    expected = [[int((value >= edges[j]).sum()) for j, value in enumerate(row)] for row in rows]
    assert codes.tolist() == expected


def test_it_outlives_a_restart(observer):
    ids = answer(observer, 0, 80)
    push(observer, ids[:60])
    push(observer, ["call-500"])
    again = Observer(observer.settings, observer.clock)
    again.restore(decode(encode(observer.keep()), State))
    assert push(again, ids).outcomes == {"duplicate": 60, "joined": 20}
    answer(again, 500, 1)
    assert again.truth.flows[GLASS].rows == 81
