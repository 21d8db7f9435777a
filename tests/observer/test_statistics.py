"""Every statistic is SciPy's, on the same rows in the same bins; intervals hold what they say."""

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial import distance

from sidecar.baseline.reference import describe
from sidecar.features import Field, Schema
from sidecar.observer.axes import as_reference, by_quantiles, category, undivided
from sidecar.observer.statistics import compare, cramer_von_mises_tail, gamma_tail, kolmogorov_tail, psi
from sidecar.scoring.bins import Bins
from tests.observer.real import digits

RANDOM = np.random.default_rng(0)
COLUMNS = range(0, 16, 3)


def number(values):
    return describe(values[:, None], Schema((Field("x", "number"),)))[0]


def compared(field, values):
    return compare(field, Bins((field,)).counts(values[:, None]), values)


def codes(field, values):
    return Bins((field,)).codes(values[:, None])[:, 0]


def pairs():
    """References and windows of real digits: one from the same law, and one that moved."""
    for i in COLUMNS:
        column = RANDOM.permutation(digits()[:, i])
        yield column[:700], column[700:1000]
        yield column[:700], column[700:900] + 0.2


@pytest.mark.parametrize(("old", "new"), [*pairs()])
def test_statistics_of_numbers_are_scipys(old, new):
    field = number(old)
    found, a, b = compared(field, new), codes(field, old), codes(field, new)
    ks = stats.ks_2samp(a, b, method="asymp")
    assert found["kolmogorov_smirnov"].value == pytest.approx(ks.statistic)
    scale = np.sqrt(len(a) * len(b) / (len(a) + len(b)))
    assert found["kolmogorov_smirnov"].p == pytest.approx(stats.kstwobign.sf(scale * ks.statistic))
    cvm = stats.cramervonmises_2samp(a, b, method="asymptotic")
    assert found["cramer_von_mises"].value == pytest.approx(cvm.statistic, rel=1e-9)
    assert found["cramer_von_mises"].p == pytest.approx(cvm.pvalue, abs=1e-7)


@pytest.mark.parametrize(("old", "new"), [*pairs()])
def test_statistics_of_all_kinds_are_scipys(old, new):
    field = number(old)
    found = compared(field, new)
    table = np.array([Bins((field,)).counts(values[:, None]) for values in (old, new)])
    chi = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    assert (found["chi_square"].value, found["chi_square"].p) == pytest.approx((chi.statistic, chi.pvalue))
    assert found["chi_square"].effect == pytest.approx(
        stats.contingency.association(table[:, table.sum(axis=0) > 0], method="cramer")
    )
    p, q = table / table.sum(axis=1, keepdims=True)
    assert found["jensen_shannon"].value == pytest.approx(distance.jensenshannon(p, q, base=2))
    assert found["total_variation"].value == pytest.approx(distance.cityblock(p, q) / 2)


@pytest.mark.parametrize(
    "move", [lambda x: x + 0.5, lambda x: x * 1.5, lambda x: x + 50.0, lambda x: x * 100]
)
def test_wasserstein_is_scipys_to_the_width_of_the_bins(move):
    old, new = RANDOM.gamma(3.0, size=2000), move(RANDOM.gamma(3.0, size=1000))
    expected = stats.wasserstein_distance(old, new)
    for field in (number(old), by_quantiles("x", old, 20)):
        assert compared(field, new)["wasserstein"].value == pytest.approx(expected, rel=0.12)


def test_wasserstein_of_few_values_is_scipys():
    old, new = (
        RANDOM.choice(4, size=500) * 1.0,
        RANDOM.choice(6, size=300, p=[0.1, 0.1, 0.1, 0.1, 0.3, 0.3]) * 1.0,
    )
    found = compared(number(old), new)["wasserstein"]
    # 0, 1 and 2 stand at one place each within their bins, wherever that is: take the middles and the mean.
    third = (old.mean() - np.array([0.5, 1.5, 2.5, 3.0])[old.astype(int)][old > 0].sum() / len(old)) / (
        old == 0
    ).mean()
    at = np.array([np.clip(third, 0.0, 1.0), 1.5, 2.5, 3.0, 4.0, 5.0])
    own, places = at[old.astype(int)], at[new.astype(int)]
    assert found.value == pytest.approx(stats.wasserstein_distance(own, places))
    assert found.effect == pytest.approx(found.value / old.std())


def test_categories_have_no_order_and_no_statistics_of_order():
    colour = as_reference(category("colour", ("red", "blue")), np.array([0.0, 0.0, 1.0, np.nan]))
    assert set(compared(colour, np.array([0.0, 2.0]))) == {"total_variation", "jensen_shannon", "chi_square"}
    missing = np.full(9, np.nan)
    assert compared(colour, missing)["total_variation"].value == pytest.approx(0.75)
    assert set(compared(number(np.arange(9.0)), missing)) == set(compared(colour, missing))
    assert compare(undivided("x"), np.zeros(2, dtype=int), np.empty(0)) == {}


def test_values_beyond_measure_stand_at_the_ends_of_the_range():
    field = number(np.arange(100.0))
    told = compared(field, np.array([1.7e308, -1.7e308] * 20))["wasserstein"]
    assert told == compared(field, np.array([np.inf, -np.inf] * 20))["wasserstein"]
    assert np.isfinite(told.effect)


def test_intervals_hold_the_true_distance_at_least_as_often_as_they_say():
    truth = {"kolmogorov_smirnov": 0.0, "total_variation": 0.0, "jensen_shannon": 0.0, "wasserstein": 0.5}
    population = RANDOM.normal(size=200_000)
    shifted = population + 0.5
    inside = dict.fromkeys(truth, 0)
    for _ in range(200):
        field = number(RANDOM.choice(population, 800))
        p, q = (Bins((field,)).counts(x[:, None]) / len(x) for x in (population[:20_000], shifted[:20_000]))
        truth |= {
            "kolmogorov_smirnov": np.abs(np.cumsum(p - q)).max(),
            "total_variation": np.abs(p - q).sum() / 2,
            "jensen_shannon": distance.jensenshannon(p, q, base=2),
        }
        found = compared(field, RANDOM.choice(shifted, 600))
        for name, true in truth.items():
            inside[name] += found[name].low <= true <= found[name].high
    # A tenth of all intervals may miss: distances are chosen as the largest, so they're a little too long.
    assert min(inside.values()) >= 180, inside


def test_p_values_are_not_too_small_when_nothing_moved():
    small = dict.fromkeys(("kolmogorov_smirnov", "cramer_von_mises", "chi_square"), 0)
    for _ in range(300):
        rows = RANDOM.exponential(size=900)
        found = compared(number(rows[:500]), rows[500:])
        for name in small:
            small[name] += found[name].p <= 0.05
    assert max(small.values()) <= stats.binom.ppf(0.999, 300, 0.05), small


def test_psi_is_finite_for_an_empty_bin():
    field = number(RANDOM.normal(size=200))
    assert 0 < psi(field, np.eye(1, len(field.labels), dtype=int)[0] * 300) < 100


def test_tails_are_scipys():
    for x in np.linspace(0.05, 4, 40):
        assert kolmogorov_tail(x) == pytest.approx(special.kolmogorov(x), abs=1e-12)
    for a in (0.5, 1.0, 5.5, 30.0):
        for x in (0.0, 0.1, 1.0, 5.6, 31.0, 300.0):
            assert gamma_tail(a, x) == pytest.approx(special.gammaincc(a, x), rel=1e-9, abs=1e-300)
    assert cramer_von_mises_tail(0.46136) == pytest.approx(0.05, abs=1e-5), "the textbook's 5 % point"
    assert cramer_von_mises_tail(0.74346) == pytest.approx(0.01, abs=1e-5)
    assert (cramer_von_mises_tail(0.0), cramer_von_mises_tail(50.0)) == (1.0, pytest.approx(0.0, abs=1e-8))
