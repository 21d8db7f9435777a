"""What is said about a share of attacks that succeeded."""

from __future__ import annotations

import pytest
from scipy.stats import beta

from bench.attacks.blocked import at_most, between


@pytest.mark.parametrize(("successes", "tries"), [(0, 20), (0, 80), (3, 40), (20, 20)])
def test_the_bound_is_clopper_and_pearsons(successes, tries):
    expected = 1.0 if successes == tries else beta.ppf(0.95, successes + 1, tries - successes)
    assert at_most(successes, tries) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("successes", "tries"), [(0, 20), (20, 5_000), (45, 5_000)])
def test_the_interval_is_clopper_and_pearsons(successes, tries):
    low, high = between(successes, tries)
    expected = 0.0 if not successes else beta.ppf(0.025, successes, tries - successes + 1)
    assert low == pytest.approx(expected, abs=1e-9)
    assert high == pytest.approx(beta.ppf(0.975, successes + 1, tries - successes), abs=1e-9)
