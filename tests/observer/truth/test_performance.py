import msgspec
import numpy as np
import pytest

from sidecar.labels.prediction import LEAST, Roles
from sidecar.labels.realised import Rows, measures
from sidecar.labels.said import Said
from sidecar.observer.snapshot import decode, encode
from sidecar.observer.truth.performance import HISTORY, KeptPerformance, Labelled, Performance
from sidecar.scoring.artifact import Validation
from sidecar.scoring.expectation import Answers, learn
from sidecar.scoring.validation import Validated

NAMES = ("label", "p")


def rows(n, seed=0, at=0.0):
    random = np.random.default_rng(seed)
    p = random.uniform(size=n)
    truth = (random.uniform(size=n) < p).astype(float)
    return [
        Labelled(at + i, at + i + 60.0, b"", (float(p[i] > 0.5), float(p[i])), float(truth[i]))
        for i in range(n)
    ]


def heard(n, window=200, step=10, seed=0):
    known = Performance(window, Said())
    for start in range(0, n, step):
        known.update(NAMES, rows(n, seed)[start : start + step])
    return known


def as_rows(labelled):
    p = np.array([row.answer[1] for row in labelled])
    return Rows((p > 0.5).astype(float), np.array([row.value for row in labelled]), p[:, None])


def test_it_says_what_is_missing_until_there_are_labels_enough():
    known = heard(LEAST - 10)
    assert "40 rows have labels; it takes 50" in known.note
    assert (known.roles, known.measures(), known.delay()) == (None, {}, None)
    assert known.labelled == LEAST - 10


def test_the_window_holds_the_last_rows_and_none_of_the_first_is_lost():
    known = heard(150)
    assert (known.note, known.rows, known.labelled) == ("", 150, 150)
    assert known.measures() == measures("binary", as_rows(rows(150)), 2)
    longer = heard(1000)
    assert longer.rows == 200
    assert longer.measures() == measures("binary", as_rows(rows(1000)[-200:]), 2)
    assert longer.between() == (800.0, 999.0)


def test_many_rows_in_one_go_are_as_many_as_one_by_one():
    known = heard(1000, step=1000)
    assert (known.known.counts.sum(), known.tested) == (200, 800), (
        "the first window is the reference, not the last"
    )
    assert len(known.past) == 5


def test_past_windows_follow_one_another_and_are_bounded():
    known = heard(1000)
    assert [(past.first, past.last, past.rows) for past in known.past] == [
        (start, start + 199.0, 200) for start in (0.0, 200.0, 400.0, 600.0, 800.0)
    ]
    assert known.past[1].measures == measures("binary", as_rows(rows(1000)[200:400]), 2)
    assert len(heard(20 * (HISTORY + 5), window=20, step=60).past) == HISTORY


def test_delay_is_how_late_labels_come():
    assert heard(100).delay() == (60.0, 60.0)


def test_rows_that_cannot_be_judged_are_counted():
    known = heard(100)
    known.update(
        NAMES, [Labelled(0.0, 0.0, b"", (None, 0.5), 1.0), Labelled(0.0, 0.0, b"", (1.0, 0.5), "cat")]
    )
    assert (known.rows, known.unreadable, known.labelled) == (100, 2, 102)


def test_when_no_output_fits_it_says_so_and_keeps_few_rows():
    known = Performance(100, Said(score="nothing"))
    for _ in range(10):
        known.update(NAMES, rows(100))
    assert known.note == "there is no output 'nothing'; there is label, p"
    assert len(known.keep().early) == 100


@pytest.mark.parametrize("n", [20, 730])
def test_it_outlives_a_restart(n):
    known = heard(n)
    again = Performance(200, Said())
    again.restore(decode(encode(known.keep()), KeptPerformance))
    more = rows(400, seed=1)
    known.update(NAMES, more)
    again.update(NAMES, more)
    one, other = again.keep(), known.keep()
    for name in ("names", "roles", "note", "early", "window", "past", "labelled", "since_past", "tested"):
        assert getattr(one, name) == getattr(other, name), name
    np.testing.assert_array_equal(one.counts, other.counts)


def test_labels_that_turn_are_an_alarm_and_none_is_before():
    known = heard(2000)
    assert known.concept.alarm is None
    assert known.tested == 1800, "the first window is what the others are compared with"
    turned = [msgspec.structs.replace(row, value=1.0 - row.value) for row in rows(600, seed=2, at=2000.0)]
    known.update(NAMES, turned)
    assert known.concept.alarm is not None
    assert 1900 < known.concept.alarm.since < 2100, "in the time of the calls"


def test_rows_of_one_call_are_looked_at_though_they_have_one_time():
    known = heard(2000)
    call = [
        msgspec.structs.replace(row, time=5000.0, value=row.value if i % 3 else 1.0 - row.value)
        for i, row in enumerate(rows(500, seed=3))
    ]
    known.update(NAMES, call)
    assert known.concept.alarm is not None
    assert 25 < known.concept.alarm.rows < 500


def test_a_window_with_a_single_class_is_no_reference():
    known = Performance(100, Said(predicted="label"))
    same = [msgspec.structs.replace(row, value=0.0) for row in rows(300)]
    known.update(NAMES, same)
    assert (known.rows, known.known) == (100, None)
    known.update(NAMES, rows(100))
    assert known.known is not None


def test_other_bins_end_what_was_learned_of_the_inputs():
    known = heard(500)
    known.forget(0)
    assert (known.known, known.concept, known.compared) == (None, None, "")
    known.update(NAMES, rows(200, seed=3))
    assert (known.known is not None, known.compared) == (True, "first-window")


def test_nothing_is_learned_from_rows_by_old_bins():
    known = heard(100)
    known.forget(1)
    known.update(NAMES, rows(200, seed=3))
    assert known.known is None, "these were answered before, and their inputs told by other bins"
    known.update(NAMES, [msgspec.structs.replace(row, codes=b"a") for row in rows(200, seed=4)])
    assert known.known is not None


def validated(n=2000, names=("label", "p")):
    labelled = rows(n, seed=9)
    p = np.array([row.answer[1] for row in labelled])
    truth = np.array([row.value for row in labelled])
    answers = Answers((p > 0.5).astype(float), p[:, None], np.zeros((n, 0), np.uint8))
    told = Validation(names, Roles("binary", (0.0, 1.0), 0, (1,)), n, {})
    return Validated(told, learn("binary", 2, answers, truth))


def promised(**of):
    known = Performance(200, Said(**of))
    known.promise(NAMES, validated())
    return known


def test_with_labelled_rows_in_the_baseline_the_first_label_is_compared_already():
    known = promised()
    assert (known.compared, known.note, known.unlike) == ("baseline", "no labels yet", "")
    known.answered(0.0, b"", [(1.0, 0.9), (0.0, 0.4)])
    assert known.estimated()["accuracy"] == pytest.approx(0.75, abs=0.1), "without a single label"
    known.update(NAMES, rows(30))
    assert (known.note, known.tested, known.rows) == ("", 30, 30)
    known.update(NAMES, rows(400, seed=5))
    assert (known.compared, known.concept.alarm) == ("baseline", None)


def test_a_model_that_never_was_as_good_is_found():
    known = promised()
    turned = [msgspec.structs.replace(row, value=1.0 - row.value) for row in rows(150)]
    known.update(NAMES, turned)
    assert known.concept.alarm is not None
    assert known.concept.alarm.since < 25.0


def test_labels_that_came_before_the_baseline_are_judged_and_not_compared():
    known = Performance(200, Said())
    known.update(NAMES, rows(20))
    known.forget(1)
    told, expected = validated()
    seen = np.ones((1, 256), np.bool_)
    known.promise(NAMES, Validated(told, msgspec.structs.replace(expected, seen=seen)))
    assert (known.compared, known.rows, known.tested) == ("baseline", 20, 0)


def test_outputs_that_the_labelled_rows_do_not_have_are_told():
    known = Performance(200, Said())
    known.promise(("label", "q"), validated())
    assert known.unlike == "the baseline's labelled rows have an output 'p'; the model answers label, q"
    known.update(NAMES, rows(300))
    assert known.compared == "first-window"
    assert "the setting says score=label" in promised(score="label").unlike


def test_what_the_baseline_promised_outlives_a_restart():
    known = promised()
    known.update(NAMES, rows(100))
    again = Performance(200, Said())
    again.restore(decode(encode(known.keep()), KeptPerformance))
    again.promise(NAMES, validated())
    assert (again.compared, again.tested) == ("baseline", 100)
