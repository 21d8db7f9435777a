"""The whole search on real digits (pendigits): the digit that the published set calls outliers is found."""

import numpy as np
import pytest

from sidecar.baseline.cohorts.finding import ENOUGH_CLEAN, find
from sidecar.cohort import Question
from sidecar.features import Field
from tests.observer.real import DATA, NAMES, draw
from tests.test_cohort import kept

FIELDS = tuple(Field(name, "number") for name in NAMES)


def question(flagged, clean, previous=None):
    rows = tuple(kept(100 + i, *row) for i, row in enumerate(flagged))
    return Question("", rows, np.ascontiguousarray(clean, dtype="<f8").tobytes(), previous)


@pytest.fixture(scope="module")
def asked():
    with np.load(DATA) as arrays:
        zeros = arrays["X"][arrays["y"] == 1].astype(float)
    return question(np.concatenate((zeros[:60], draw(40, seed=1))), draw(300, seed=2))


@pytest.fixture(scope="module")
def answer(asked):
    return find(asked, FIELDS, draw(500, seed=3))


def test_the_group_is_the_hidden_digit_and_named_by_serials(answer):
    group = answer.groups[0]
    zeros = [serial for serial in group.members if serial < 160]
    assert len(zeros) >= 57
    assert len(zeros) >= 0.95 * len(group.members)
    assert group.examples == group.members[:5]
    assert set(group.examples) <= set(zeros)


def test_its_traits_hold_for_it_and_together_for_hardly_any_other_row(asked, answer):
    group = answer.groups[0]
    assert group.traits[0].effect > 0.6
    assert group.together > 0.7
    assert group.together_elsewhere < 0.02
    assert group.together_training < 0.02
    members = {row.serial: np.frombuffer(row.values) for row in asked.flagged}
    for trait in group.traits:
        column = np.array([members[serial][NAMES.index(trait.field)] for serial in group.members])
        assert np.mean((column >= trait.low) & (column <= trait.high)) == pytest.approx(trait.share)


def test_the_map_places_training_rows_and_any_other_row(asked, answer):
    training = draw(500, seed=3)
    assert answer.map.place(training) == pytest.approx(np.array(answer.reference))
    assert len(answer.map.axes) == len(answer.map.shares) == 2
    places = answer.map.place(np.frombuffer(b"".join(row.values for row in asked.flagged)).reshape(-1, 16))
    zeros, others = places[:60].mean(axis=0), answer.map.place(draw(200, seed=9)).mean(axis=0)
    assert np.linalg.norm(zeros - others) > 0.3


def test_the_same_question_has_the_same_answer(asked, answer):
    assert find(asked, FIELDS, draw(500, seed=3)) == answer


def test_training_rows_stand_in_for_clean_ones_that_are_missing(asked):
    alone = question(np.array([np.frombuffer(row.values) for row in asked.flagged]), draw(5, seed=2))
    found = find(alone, FIELDS, draw(500, seed=3))
    assert found.compared == 505
    assert found.groups[0].traits[0].effect > 0.6
    found = find(alone, FIELDS, draw(0, seed=3))
    assert (found.compared, found.reference) == (5, ())
    assert ENOUGH_CLEAN > 5


def test_rows_that_are_all_alike_have_no_groups_and_no_map():
    same = np.ones((30, 16))
    assert find(question(same, same), FIELDS, same).map is None
