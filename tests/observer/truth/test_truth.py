"""Real digits and a model's answers, through the whole observer."""

import json

import numpy as np
import pytest

from sidecar.baseline.fit import fit
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


def test_a_flow_whose_calls_are_gone_makes_room_for_another(observer, monkeypatch):
    monkeypatch.setattr(module, "FLOWS", 2)
    horizon = observer.settings.label_horizon
    for version in range(6):
        observer.clock.now = record(0).started_ns / 1e9 + version * (horizon + 60.0)
        began = {"started_ns": int(observer.clock.now * 1e9)}
        ids = answer(observer, 100 * version, 60, version=str(version), **began)
        assert push(observer, ids).outcomes == {"joined": 60}
        again = Observer(observer.settings, observer.clock)
        again.restore(decode(encode(observer.keep()), State))
        observer = again
    assert observer.truth.left_out["flow-limit"] == 0
    assert [key.version for key in observer.truth.flows] == ["4", "5"]
    for known in observer.truth.flows.values():
        assert known.measures()["mae"].value == pytest.approx(0.25)
    assert push(observer, ids).outcomes == {"duplicate": 60}


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


NOISE = np.random.default_rng(7).normal(1.0, 0.3, size=1000)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A baseline of four columns, whose answers are the first one, and labels one more, about."""
    folder = tmp_path_factory.mktemp("labelled")
    rows = np.random.default_rng(0).normal(size=(400, 4)).round(6)
    truth = rows[:, 0] + NOISE[:400]
    lines = [
        json.dumps({**dict(zip("abcd", row, strict=True)), "y": row[0], "t": true})
        for row, true in zip(rows.tolist(), truth.tolist(), strict=True)
    ]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    fit(folder / "rows.jsonl", folder / "b", ["ecod"], outputs=["y"], label="t")
    return folder / "b"


def told(observer, start, n, **changes):
    rows = np.random.default_rng(start).normal(size=(n, 4))
    body = '{{"predictions": [{}]}}'
    digest = observer.traffic.digest
    records = [
        of_rows(start + i, row[None], digest, response_body=body.format(row[0]).encode(), **changes)
        for i, row in enumerate(rows)
    ]
    observer.take_in(records)
    return [one.id for one in records], rows[:, 0]


def test_labels_are_compared_with_those_of_the_baseline(labelled):
    observer = Observer(settings(window_rows=100, baseline=str(labelled)), Clock())
    ids, said = told(observer, 0, 60)
    push(observer, ids, value=lambda i: said[i] + NOISE[500 + i])
    known = observer.truth.flows[GLASS]
    assert (known.compared, known.tested + known.strange) == ("baseline", 60)
    assert known.concept.alarm is None
    ids, said = told(observer, 100, 60)
    push(observer, ids, value=lambda i: said[i] + 3.0)
    assert known.concept.alarm is not None
    again = Observer(settings(window_rows=100, baseline=str(labelled)), Clock())
    again.restore(decode(encode(observer.keep()), State))
    assert again.truth.flows[GLASS].compared == "baseline"
    told(again, 200, 10, version="2")
    assert again.truth.flows[GLASS._replace(version="2")].compared == "", "another model's answers"


def test_calls_told_by_old_bins_are_not_compared_by_new_ones(labelled):
    observer = Observer(settings(window_rows=100, baseline=str(labelled)), Clock())
    ids, said = told(observer, 0, 60)
    bytes_before = observer.truth.ledger.bytes
    observer.traffic.adopt(observer.traffic.fields, "another", None, observer.truth.validated)
    assert observer.truth.ledger.bytes == bytes_before - 60 * 4
    told(observer, 100, 10)
    push(observer, ids, value=lambda i: said[i] + 3.0)
    known = observer.truth.flows[GLASS]
    assert (known.compared, known.rows, known.tested) == ("baseline", 60, 0)
