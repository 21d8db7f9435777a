"""A changed model is told from changed questions, and the p-value means what it says."""

import numpy as np
import pytest

from sidecar.cascade.conditional import LEAST, change, in_units, nearest_pairs
from tests.cascade.chains import model


def sides(seed, drift=0.0, shift=0.0, rows=200):
    random = np.random.default_rng(seed)
    before, after = random.normal(size=(rows, 2)), random.normal(size=(rows, 2)) + drift
    return (before, model(before, random)), (after, model(after, random, shift))


@pytest.mark.parametrize("drift", [0.0, 0.8])
def test_a_changed_model_is_seen_whatever_it_is_asked(drift):
    found = change(*sides(1, drift, shift=0.5))
    assert found.p <= 0.002
    assert found.strength > 8.0


def test_changed_questions_are_no_change_of_the_model():
    found = [change(*sides(seed, drift=1.0)) for seed in range(10)]
    assert max(one.strength for one in found) < 6.0
    assert all(0.1 < one.support < 0.95 for one in found)


def test_p_is_uniform_when_nothing_changed():
    found = sorted(change(*sides(seed, rows=120), seed=seed).p for seed in range(40))
    # The largest gap to the uniform distribution that Kolmogorov allows 40 values, once in a thousand times.
    assert max(abs(p - (i + 0.5) / 40) for i, p in enumerate(found)) < 0.30


def test_a_change_that_depends_on_the_question_and_cancels_out_is_seen():
    (asked, answered), (now, _) = sides(2)
    random = np.random.default_rng(3)
    turned = model(now, random) + 0.4 * now[:, :1]
    assert change((asked, answered), (now, turned)).strength > 8.0


def test_answers_that_changed_places_are_seen():
    before, (now, answered) = sides(4)
    assert change(before, (now, answered[:, ::-1])).strength > 8.0


def test_questions_never_asked_before_say_nothing():
    found = change(*sides(5, drift=50.0, shift=9.0))
    assert (found.p, found.strength, found.pairs) == (1.0, 0.0, 0)
    assert found.support == 0.0


def test_too_few_rows_say_nothing():
    assert change(*sides(6, rows=LEAST - 5, shift=9.0)).p == 1.0


def test_units_come_from_before_and_a_constant_keeps_its_own():
    reference = np.array([[0.0, 7.0], [2.0, 7.0]])
    assert in_units(reference, np.array([[3.0, 8.0]])).tolist() == [[2.0, 1.0]]


def test_partners_are_the_nearest_and_nobody_has_two():
    apart = np.array([[1.0, 2.0], [0.5, 9.0], [3.0, 3.0]])
    rows, columns = nearest_pairs(apart, 2.5)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(1, 0), (0, 1)]
