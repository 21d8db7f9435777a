"""What is said about a share of attacks that succeeded."""

from __future__ import annotations

import pytest
from scipy.stats import beta

from bench.attacks.blocked import at_most


@pytest.mark.parametrize(("successes", "tries"), [(0, 20), (0, 80), (3, 40), (20, 20)])
def test_the_bound_is_clopper_and_pearsons(successes, tries):
    expected = 1.0 if successes == tries else beta.ppf(0.95, successes + 1, tries - successes)
    assert at_most(successes, tries) == pytest.approx(expected, abs=1e-9)
