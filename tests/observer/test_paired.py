"""Question and answer beside each other: of which calls, how many, and kept across a restart."""

import json
from collections import Counter

import pytest

from sidecar.exchange import SpanIds
from sidecar.observer.paired import BYTES, FOLDED, LATEST, SUBJECTS, TEXT, Paired, Side, by_tensor
from tests.observer.talk import record


def call(number, rows=((1.0, 2.0),), answers=(1.5,), **changes):
    bodies = {
        "request_body": json.dumps({"instances": [list(row) for row in rows]}).encode(),
        "response_body": json.dumps({"predictions": list(answers)}).encode(),
        "span": SpanIds(f"{number:025x}0000000", "2" * 16, "3" * 16),
        "rows": len(rows),
    }
    return record(number, **(bodies | changes))


def paired(most=2000):
    return Paired(most, Counter())


def test_question_and_answer_stand_beside_each_other():
    kept = paired()
    kept.update([call(0), call(1, [[3.0, "jazz"], [4.0, None]], ["a", "b"])])
    kept.update([call(2, [[3.0, 7], [4.0, 8]], [0.5, 0.75], version="2")])
    (found,) = kept.pairs()
    assert (found.model, found.route) == ("glass", "/v1/models/{model}:predict")
    assert (found.asked, found.answered) == (("instances[0]", "instances[1]"), ("predictions",))
    assert [(row.row, row.version, row.asked, row.answered) for row in found.rows] == [
        (0, "", (1.0, 2.0), (1.5,)),
        (0, "", (3.0, "jazz"), ("a",)),
        (1, "", (4.0, None), ("b",)),
        (0, "2", (3.0, 7.0), (0.5,)),
        (1, "2", (4.0, 8.0), (0.75,)),
    ]
    assert found.rows[0].ended - found.rows[0].began == pytest.approx(0.0053, abs=1e-6)


def test_calls_that_failed_or_came_without_bodies_are_no_pairs():
    kept = paired()
    kept.update([call(0, status=500), call(1, failure="response-truncated"), call(2, request_body=b"")])
    assert kept.pairs() == ()


def test_what_does_not_fit_is_counted():
    kept = paired()
    kept.update([call(0), call(1, [[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0, 3.0])])
    kept.update([call(2, [[1.0]]), call(3, request_body=b"{")])
    assert kept._left_out == {"pair-uneven": 1, "pair-other-columns": 1, "pair-undecodable": 1}
    kept.update([call(9 + i, model=f"m{i}") for i in range(SUBJECTS + 2)])
    assert kept._left_out["pair-limit"] == 3
    assert len(kept.subjects) == SUBJECTS


def quick(kept, calls):
    """Take in calls without the ration of a second."""
    for one in calls:
        kept._add(one)


def test_the_latest_are_whole_and_the_older_are_a_sample():
    kept = paired(800)
    quick(kept, [call(i) for i in range(3000)])
    ids = [int(row.id.removeprefix("call-")) for row in kept.pairs()[0].rows]
    assert len(ids) == 800
    assert ids[-200:] == list(range(2800, 3000))
    assert 0.4 < sum(i < 1400 for i in ids[:600]) / 600 < 0.6


def test_bytes_are_bounded_and_texts_cut():
    kept = paired(100_000)
    quick(kept, [call(i, [["x" * 60_000] * 16], ["y"]) for i in range(600)])
    found = kept.pairs()[0]
    assert len(found.rows[0].asked[0]) == TEXT
    assert LATEST / 2 < len(found.rows) < BYTES / (16 * TEXT)


def test_an_image_is_folded_and_keeps_its_distances():
    kept = paired()
    quick(kept, [call(i, [[float(i)] * 400], [1.0]) for i in range(3)])
    found = kept.pairs()[0]
    assert len(found.asked) == FOLDED
    first, second, third = (row.asked for row in found.rows)
    assert [2 * b - a for a, b in zip(first, second, strict=True)] == pytest.approx(list(third))


def test_a_restart_goes_on_where_it_was():
    kept = paired(400)
    quick(kept, [call(i) for i in range(900)])
    again = paired(400)
    again.restore(kept.keep())
    assert again.pairs() == kept.pairs()
    for one in (kept, again):
        quick(one, [call(i) for i in range(900, 1200)])
    assert len(again.pairs()[0].rows) == 400
    assert again.pairs()[0].rows[-100:] == kept.pairs()[0].rows[-100:]


def test_nothing_is_kept_when_none_is_wanted():
    none = paired(0)
    none.update([call(0)])
    none.restore(paired().keep())
    assert none.pairs() == ()


def test_columns_of_one_tensor_belong_together():
    told = Side(("x[0]", "x[1]", "y"), ((1.0, 2.0, "a"), (3.0, 4.0, "b")))
    assert by_tensor(told) == [(1.0, 2.0), (3.0, 4.0), ("a",), ("b",)]
