import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from sidecar.scoring.isotonic import fit


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("digits", [1, 9])
def test_the_curve_is_scikit_learns(seed, digits):
    random = np.random.default_rng(seed)
    x = random.uniform(-3, 3, 40 * 4**seed % 3000 + 1).round(digits)
    y = (random.uniform(size=len(x)) < 1 / (1 + np.exp(-x))).astype(float)
    weight = random.uniform(0.1, 2.0, len(x))
    for weights in (None, weight):
        theirs = IsotonicRegression(out_of_bounds="clip").fit(x, y, weights)
        asked = random.uniform(-5, 5, 500)
        np.testing.assert_allclose(fit(x, y, weights)(asked), theirs.predict(asked), atol=1e-6)


def test_one_value_and_the_wrong_way_round():
    assert fit(np.array([2.0, 2.0]), np.array([0.0, 1.0]))(np.array([1.0, 9.0])).tolist() == [0.5, 0.5]
    assert fit(np.arange(4.0), np.array([1.0, 1.0, 0.0, 0.0]))(np.array([0.0, 3.0])).tolist() == [0.5, 0.5]
