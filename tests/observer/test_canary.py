"""Old questions: which are kept, and what their answers prove."""

import json

from sidecar.observer.canary import BYTES, QUESTIONS, Canary, alike
from sidecar.observer.paired import Side
from tests.observer.talk import record


def call(number, answer=1.5, **changes):
    bodies = {
        "request_body": json.dumps({"instances": [[number, 2.0]]}).encode(),
        "response_body": json.dumps({"predictions": [answer]}).encode(),
    }
    return record(number, **(bodies | changes))


def answered(*values):
    return Side(("predictions",), tuple((value,) for value in values))


def kept(count=2):
    canary = Canary(True)
    canary.update([call(i) for i in range(count)])
    return canary


def test_the_first_different_questions_that_went_well_are_kept():
    canary = Canary(True)
    canary.update([call(0), call(0), call(1, status=500), call(2, request_body=b"x" * (BYTES + 1))])
    canary.update([call(3, response_body=b"{")])
    assert [record.id for record, _ in canary.questions] == ["call-0"]
    canary.update([call(10 + i) for i in range(30)])
    assert len(canary.questions) == QUESTIONS
    assert canary.questions[0][1] == answered(1.5)


def test_nothing_is_kept_where_it_is_not_wanted():
    canary = Canary(False)
    canary.update([call(0)])
    assert canary.questions == []


def test_a_steady_model_that_answers_otherwise_has_changed_since_then():
    canary = kept()
    canary.judge([answered(1.5), answered(1.5 + 1e-7)], now=10.0)
    assert (canary.replayed.same, canary.replayed.different, canary.replayed.steady) == (2, 0, True)
    canary.judge([answered(1.5), answered(9.0)], now=20.0)
    canary.judge([answered(9.0), answered(9.0)], now=30.0)
    found = canary.replayed
    assert (found.same, found.different, found.steady) == (0, 2, True)
    assert (found.same_until, found.different_since) == (10.0, 20.0)
    canary.judge([answered(1.5), answered(1.5)], now=40.0)
    assert (canary.replayed.different, canary.replayed.different_since) == (0, 0.0), "rolled back"


def test_a_model_that_never_answers_alike_is_not_steady():
    canary = kept()
    canary.judge([answered(7.0), answered(1.5)], now=10.0)
    canary.judge([answered(1.5), answered(1.5)], now=20.0)
    assert canary.replayed.steady is False


def test_no_answer_says_nothing():
    canary = kept()
    canary.judge([None, None], now=10.0)
    assert canary.replayed is None
    canary.judge([None, answered(1.5)], now=10.0)
    assert canary.replayed.same == 1


def test_answers_are_alike_but_for_their_last_digits():
    nan = float("nan")
    assert alike(Side(("a",), ((nan,), ("x",), (None,))), Side(("a",), ((nan,), ("x",), (None,))))
    assert not alike(answered(1.0), answered(1.001))
    assert not alike(answered(1.0), answered(1.0, 1.0))
    assert not alike(answered("x"), answered("y"))
    assert not alike(answered(1.0), Side(("other",), ((1.0,),)))
