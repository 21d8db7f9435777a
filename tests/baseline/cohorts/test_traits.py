import numpy as np
import pytest

from sidecar.baseline.cohorts.traits import (
    TOLD,
    distinct,
    interval,
    noise,
    number,
    percent,
    together,
    traits,
)
from sidecar.features import Field

NAN = float("nan")


def column(*values):
    return np.array(values, dtype=np.float64)[:, None]


def told(group, clean, *fields, new=()):
    return traits(group, clean, fields, new or [{}] * len(group))


def effect(group, clean, low, high):
    """How much more of the group than of the clean values the interval holds."""
    return np.mean((group >= low) & (group <= high)) - np.mean((clean >= low) & (clean <= high))


# -- numbers ---------------------------------------------------------------------------------------


def test_a_number_is_told_as_the_interval_that_does_best_beside_what_is_ordinary():
    random = np.random.default_rng(0)
    group = np.append(random.uniform(900, 1200, 95), [10.0] * 5)[:, None]
    clean = random.integers(10, 81, 400).astype(float)[:, None]
    (trait,) = told(group, clean, Field("amount", "number"))
    assert (trait.share, trait.elsewhere) == (0.95, 0.0)
    assert (trait.low, trait.high) == (group[group > 80].min(), group.max())
    low, high = np.quantile(clean, (0.05, 0.95)).astype(int)
    assert trait.words == (
        f"amount between {number(trait.low)} and {number(trait.high)} (clean: {low} to {high})"
    )


def test_lying_close_together_sets_apart_too():
    clean = np.random.default_rng(0).uniform(0, 100, 400)[:, None]
    (trait,) = told(column(*[50.0] * 20), clean, Field("x", "number"))
    assert trait.words.startswith("x = 50 (clean: ")
    assert trait.effect > 0.95


def test_the_interval_is_the_best_of_all_that_hold_the_middle_half():
    for seed in range(20):
        random = np.random.default_rng(seed)
        group, clean = random.normal(0.5, 0.7, 21).round(1), random.normal(size=60).round(1)
        low, high = interval(group, clean)
        quarter, three_quarters = np.quantile(group, (0.25, 0.75), method="nearest")
        ends = [(a, b) for a in group for b in group if a <= quarter and b >= three_quarters]
        best = max(effect(group, clean, a, b) for a, b in ends)
        assert effect(group, clean, low, high) == pytest.approx(best)
        assert low <= quarter <= three_quarters <= high


def test_missing_values_are_in_no_interval():
    (trait,) = told(column(7.0, 7.0, 7.0, NAN), column(1.0, 2.0, NAN, NAN), Field("x", "number"))
    assert (trait.share, trait.elsewhere) == (0.75, 0.0)


def test_noise_is_what_fields_without_meaning_reach():
    random = np.random.default_rng(1)
    group, clean = random.normal(size=(30, 400)), random.normal(size=(200, 400))
    effects = [effect(a, b, *interval(a, b)) for a, b in zip(group.T, clean.T, strict=True)]
    assert np.mean(np.array(effects) > noise(30, 200)) < 0.07


# -- categories, booleans, gaps --------------------------------------------------------------------


def test_a_category_is_told_by_its_name_and_a_new_one_by_the_name_in_the_call():
    field = Field("country", "category", ("de", "fr"))
    clean = column(*[0.0] * 48, 1.0, 1.0)
    (trait,) = told(column(1.0, 1.0, 1.0, 0.0), clean, field)
    assert (trait.words, trait.value) == ('country = "fr" (clean: 4 %)', "fr")
    group = column(2.0, 2.0, 2.0)
    (trait,) = told(group, clean, field, new=[{"country": "XX"}] * 2 + [{}])
    assert trait.words == 'country = "XX", never seen in the reference (clean: 0 %)'
    (trait,) = told(group, clean, field, new=[{"country": "XX"}, {"country": "YY"}, {}])
    assert trait.words == "country, never seen in the reference (clean: 0 %)"
    assert together(group, [trait], [field]) == 1.0


def test_booleans_and_gaps():
    flag, age = Field("flag", "boolean"), Field("age", "number", missing=True)
    group = np.array([[1.0, NAN]] * 9 + [[0.0, 30.0]])
    clean = np.array([[0.0, 30.0]] * 97 + [[0.0, NAN], [1.0, 50.0], [1.0, 41.0]])
    found = told(group, clean, flag, age)
    assert [trait.words for trait in found] == ["age missing (clean: 1 %)", "flag = true (clean: 2 %)"]
    assert together(group, found, (flag, age)) == 0.9
    assert together(clean, found, (flag, age)) == 0.0
    assert together(clean[:0], found, (flag, age)) == 0.0


# -- which are told --------------------------------------------------------------------------------


def test_the_strongest_come_first_few_of_them_and_one_in_any_case():
    random = np.random.default_rng(0)
    clean = random.normal(size=(500, 8))
    group = random.normal(size=(100, 8)) + np.arange(8) / 2
    fields = [Field(f"x{i}", "number") for i in range(8)]
    found = told(group, clean, *fields)
    effects = [trait.effect for trait in found]
    assert effects == sorted(effects, reverse=True)
    assert len(found) == TOLD
    assert found[0].field == "x7"
    assert len(told(clean[:100], clean, *fields)) == 1, "nothing sets them apart, and that is told"


def test_without_clean_rows_the_group_is_described_alone():
    (trait,) = told(column(1.0, 2.0), np.empty((0, 1)), Field("x", "number"))
    assert trait.words == "x between 1 and 2"


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((0.0, "0"), (1200.0, "1,200"), (1234.56, "1,235"), (0.1 + 0.2, "0.3"), (-12.345, "-12.3")),
        *((1e12, "1e+12"), (123456789.0, "123,456,789"), (0.00001234, "1.23e-05"), (float("inf"), "inf")),
    ],
)
def test_numbers_as_people_read_them(value, words):
    assert number(value) == words


def test_two_numbers_that_differ_look_different():
    assert distinct(900.4, 1200.0) == ("900", "1,200")
    assert distinct(1.00001, 1.00002) == ("1.00001", "1.00002")
    assert distinct(0.1, float(np.nextafter(0.1, 1))) == ("0.1", "0.10000000000000002")


def test_shares_as_people_read_them():
    shares = (0.0, 0.0012, 0.04, 0.5, 0.996)
    assert [percent(share) for share in shares] == ["0 %", "0.12 %", "4 %", "50 %", "100 %"]
