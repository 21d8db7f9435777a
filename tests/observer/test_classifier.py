"""What columns have together, learned and told apart: on made-up numbers, whose correlations are known."""

import numpy as np
import pytest

from sidecar.baseline.reference import describe
from sidecar.features import Field, Schema
from sidecar.observer.classifier import (
    LEAST_ROWS,
    MOST,
    TERMS,
    Related,
    columns,
    learn,
    numbers,
    reference,
    related,
    terms,
)
from sidecar.scoring.bins import Bins

NAMES = ("a", "b", "c", "d")


def rows(count, seed, rho=0.0, curved=False):
    """Four normal columns; b hangs on a, in a line or by its square."""
    random = np.random.default_rng(seed)
    found = random.normal(size=(count, 4))
    leaning = (np.square(found[:, 0]) - 1) / np.sqrt(2) if curved else found[:, 0]
    found[:, 1] = rho * leaning + np.sqrt(1 - rho**2) * found[:, 1]
    return found


def known_of(values):
    fields = describe(values, Schema(tuple(Field(f"f{i}", "number") for i in range(values.shape[1]))))
    return fields, reference(fields, Bins(fields).within(values))


def summed(values, fields, known):
    found = numbers(Bins(fields).codes(values), known)
    return len(found), found.T @ found


def test_every_column_becomes_two_numbers_of_mean_0_and_variance_1():
    values = rows(4000, seed=1)
    values[::7, 2] = np.nan
    fields, known = known_of(values)
    found = numbers(Bins(fields).codes(values), known)
    assert found.shape == (4000, 8)
    assert np.abs(found.mean(axis=0)).max() < 1e-9
    present = np.isfinite(values).all(axis=1)
    np.testing.assert_allclose(found[present].std(axis=0), 1.0, atol=0.05)
    assert not found[::7, [2, 6]].any(), "missing is as usual"


def test_a_term_is_a_correlation():
    _, known = known_of(rows(5000, seed=2, rho=0.6))
    assert known.mean[0, 1] == pytest.approx(0.6, abs=0.05)
    assert known.mean[0, 2] == pytest.approx(0.0, abs=0.05)
    assert np.isinf(known.variance[1, 0]), "each pair once"
    assert np.isinf(known.variance[0, 4]), "no column with itself"


@pytest.mark.parametrize(("curved", "kind"), [(False, "slope"), (True, "curve")])
def test_what_changed_is_learned_named_and_holds_on_other_rows(curved, kind):
    fields, known = known_of(rows(4000, seed=3, rho=0.7, curved=curved))
    found = learn((summed(rows(500, seed=4, curved=curved), fields, known),), known)
    held_out = known.held_out[:, found.first] * known.held_out[:, found.second]
    fresh = terms(numbers(Bins(fields).codes(rows(2000, seed=5, curved=curved)), known), found)
    apart = (fresh @ found.weights).mean() - (held_out @ found.weights).mean()
    assert apart > 0.3 * (held_out @ found.weights).std()
    told = related(found, fresh.mean(axis=0), fields)
    assert told[0].columns == ("f0", "f1")
    assert (told[0].kind, told[0].share > 0.8) == (kind, True)
    assert told[0].before == pytest.approx(0.7, abs=0.12)
    assert told[0].since == pytest.approx(0.0, abs=0.12)


def test_where_nothing_changed_nothing_is_learned_that_holds():
    fields, known = known_of(rows(4000, seed=6, rho=0.7))
    found = learn((summed(rows(500, seed=7, rho=0.7), fields, known),), known)
    fresh = terms(numbers(Bins(fields).codes(rows(4000, seed=8, rho=0.7)), known), found) @ found.weights
    held_out = known.held_out[:, found.first] * known.held_out[:, found.second] @ found.weights
    assert abs(fresh.mean() - held_out.mean()) < 0.15 * held_out.std()


def test_a_term_counts_by_the_stretch_that_speaks_loudest_for_it():
    fields, known = known_of(rows(4000, seed=9, rho=0.7))
    quiet, moved = rows(4000, seed=10, rho=0.7), rows(300, seed=11)
    both = (summed(moved, fields, known), summed(np.concatenate((quiet, moved)), fields, known))
    alone = learn(both[:1], known)
    assert learn(both, known).weights[0] == alone.weights[0]
    assert abs(learn(both[1:], known).weights[0]) < abs(alone.weights[0])


def test_a_classifier_has_few_terms_and_reads_few_columns():
    random = np.random.default_rng(12)
    fields, known = known_of(random.normal(size=(1000, MOST + 10)))
    assert known.mean.shape == (2 * MOST, 2 * MOST)
    base = random.normal(size=(500, 1))
    together = base + 0.1 * random.normal(size=(500, MOST + 10))
    found = learn((summed(together, fields, known),), known)
    assert len(found.weights) == TERMS
    assert {int(i) % MOST for i in found.first} <= set(range(MOST))


def test_too_few_rows_or_columns_teach_nothing():
    fields, _ = known_of(rows(300, seed=13))
    few = Bins(fields).within(rows(LEAST_ROWS - 1, seed=13))
    assert reference(fields, few) is None
    assert reference(fields[:1], Bins(fields[:1]).within(rows(300, seed=13)[:, :1])) is None


def test_constant_and_broken_columns_have_no_terms():
    values = rows(1000, seed=14)
    values[:, 2] = 7.0
    values[:, 3] = np.nan
    fields, known = known_of(values)
    assert np.isfinite(known.variance).sum() == 4, "slopes and curves of a and b, and of no other"
    found = learn((summed(values, fields, known),), known)
    assert {int(i) % 4 for i in (*found.first, *found.second)} <= {0, 1}


def test_the_columns_that_matter_are_both_of_one_relation_or_the_one_of_many():
    assert columns((Related(("a", "b"), "slope", 0.0, 1.0, 0.9),)) == ("a", "b")
    mixed_up = tuple(Related(("x", name), "slope", 0.5, 0.0, 0.25) for name in NAMES)
    assert columns(mixed_up) == ("x",)
    several = tuple(Related(pair, "slope", 0.5, 0.0, 0.3) for pair in (("a", "b"), ("c", "d"), ("e", "f")))
    assert columns(several) == ("a", "b")
