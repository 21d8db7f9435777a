"""The evidence is checked as mathematics: it is a ratio of probabilities, and its promise is kept."""

import itertools
import math

import numpy as np
import pytest
from scipy import special, stats

from sidecar.observer.axes import as_reference, by_quantiles, category, undivided
from sidecar.observer.sequential import (
    SHIFTS,
    SPREADS,
    TOLERANCE,
    WEIGHTS,
    by_bin,
    effect,
    evidence,
    law,
    log_gamma,
    together,
)
from sidecar.scoring.bins import Bins

RANDOM = np.random.default_rng(0)
NUMBER = by_quantiles("number", RANDOM.normal(size=300), bins=4)
COLOUR = as_reference(category("colour", ("red", "blue")), RANDOM.choice([0.0, 0.0, 1.0, np.nan], size=40))
FIELDS = (NUMBER, COLOUR)


def log_evidence(fields, *streams):
    """The evidence of all rows of each stream (rows x fields)."""
    bins, known = Bins(fields), law(fields)
    return evidence(by_bin(np.array([bins.counts(stream) for stream in streams]), known), known)


def test_log_gamma_is_scipys():
    x = np.concatenate((np.geomspace(1e-3, 1e8, 2000), np.arange(1, 300) / 2))
    expected = special.gammaln(x)
    assert (np.abs(log_gamma(x) - expected) <= 1e-12 * np.maximum(1, np.abs(expected))).all()


@pytest.mark.parametrize("feature", [0, 1])
@pytest.mark.parametrize("rows", [1, 2, 5, 9])
def test_the_mean_evidence_is_1_when_nothing_moved(feature, rows):
    # Over every possible outcome: probability under the first story times e-value. That's the whole claim
    # of an e-value, and exact, so both stories are probabilities and the same rows are counted in both.
    known = law(FIELDS)
    weight = known.dirichlets[0, feature][known.used[feature]]
    outcomes = [c for c in itertools.product(range(rows + 1), repeat=len(weight)) if sum(c) == rows]
    table = np.zeros((len(outcomes), len(FIELDS), known.used.shape[1]), dtype=np.int64)
    table[:, feature][:, known.used[feature]] = outcomes
    chance = stats.dirichlet_multinomial.pmf(np.array(outcomes), weight, rows)
    assert math.isclose(float(chance @ np.exp(evidence(table, known)[:, feature])), 1.0, rel_tol=1e-9)


def test_the_chance_that_evidence_ever_exceeds_20_is_under_1_in_20():
    alarms, tries = 0, 300
    for _ in range(tries):
        # Reference and stream come from one law, and each try has a reference of its own.
        field = by_quantiles("x", RANDOM.exponential(size=200))
        bins, known = Bins((field,)), law((field,))
        rows = RANDOM.exponential(size=(400, 1))
        steps = np.cumsum([bins.counts(rows[i : i + 5]) for i in range(0, 400, 5)], axis=0)
        alarms += bool((evidence(by_bin(steps, known), known) >= math.log(20)).any())
    assert alarms <= stats.binom.ppf(0.999, tries, 1 / 20)


def test_stories_have_prior_weights_that_add_up():
    assert math.isclose(sum(WEIGHTS), 1.0)
    tilts = law(FIELDS).tilts
    assert tilts.shape[0] == len(SHIFTS) + len(SPREADS) + 1, "and one of rows gone to the ends"
    used = law(FIELDS).used
    np.testing.assert_allclose(np.where(used, np.exp(tilts), 0).sum(axis=2), 1.0)


@pytest.mark.parametrize("move", [lambda x: x + 1, lambda x: x - 1, lambda x: x * 2, lambda x: x * 100])
def test_evidence_grows_with_every_kind_of_move(move):
    rows = np.column_stack((move(RANDOM.normal(size=200)), RANDOM.choice([0.0, 0.0, 1.0, np.nan], size=200)))
    ((number, colour),) = log_evidence(FIELDS, rows)
    assert number > 5
    assert colour < 2


def test_new_categories_and_missing_values_are_evidence():
    number = RANDOM.normal(size=100)
    new = np.column_stack((number, np.full(100, 2.0)))
    missing = np.column_stack((np.where(np.arange(100) % 3, number, np.nan), np.zeros(100)))
    (of_new,), (of_missing,) = log_evidence(FIELDS, new), log_evidence(FIELDS, missing)
    assert of_new[1] > 50
    assert of_missing[0] > 20


def test_a_trivial_difference_never_becomes_an_alarm_however_long_it_lasts():
    field = by_quantiles("x", RANDOM.normal(size=100_000))
    assert law((field,)).dirichlets[0].sum() == pytest.approx(TOLERANCE)
    bins, known = Bins((field,)), law((field,))
    once = bins.counts(RANDOM.normal(size=(200_000, 1)) + 0.03)
    found = evidence(by_bin(np.array([once, once * 10, once * 1000]), known), known)
    assert (found < 0).all()
    assert (effect(by_bin(once[None], known), known) < 0.05).all()


def test_a_feature_with_one_bin_says_nothing():
    field = as_reference(undivided("x"), np.zeros(100))
    assert log_evidence((field, NUMBER), np.zeros((50, 2)))[0, 0] == pytest.approx(0.0, abs=0.7)
    assert np.isfinite(log_evidence((undivided("x"), NUMBER), np.zeros((50, 2)))).all()


def test_features_are_averaged_as_e_values():
    table = np.array([[0.0, 2.0, -np.inf], [700.0, 800.0, 900.0]])
    expected = special.logsumexp(table, axis=1) - np.log(3)
    np.testing.assert_allclose(together(table), expected)


def test_the_effect_is_the_share_of_rows_that_moved():
    known = law((COLOUR,))
    shares = known.probability[0]
    counts = np.array([[[1, 0, 0, 0]]])
    assert effect(counts, known)[0, 0] == pytest.approx(1 - shares[0])
    assert effect(np.rint(shares * 1e6).astype(int)[None, None], known)[0, 0] < 1e-5
    assert effect(np.zeros((1, 1, 4), dtype=int), known)[0, 0] == pytest.approx(0.5)


def test_many_features_are_worked_on_in_parts_with_the_same_result():
    many = tuple(by_quantiles(f"f{i}", RANDOM.normal(size=100)) for i in range(100))
    rows = RANDOM.normal(size=(60, 100))
    found = log_evidence(many, rows)
    alone = [log_evidence((field,), rows[:, i : i + 1])[0, 0] for i, field in enumerate(many)]
    np.testing.assert_allclose(found[0], alone)
