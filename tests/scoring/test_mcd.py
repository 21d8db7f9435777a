"""MCD where columns nearly depend on each other: the last digits go by the order of adding, SciPy's."""

from __future__ import annotations

import numpy as np

from sidecar.baseline.fitting import fit_detector
from sidecar.scoring.mcd import Mcd


def test_nearly_dependent_columns_score_alike_to_the_last_bits():
    rng = np.random.default_rng(0)
    train = rng.normal(size=(300, 4))
    train[:, 3] = train[:, 0] + 1e-6 * train[:, 3]
    model = fit_detector("mcd", train, 0)
    rows = rng.normal(size=(50, 4))
    assert np.allclose(
        Mcd.from_pyod(model).score_many(rows), model.decision_function(rows), rtol=1e-14, atol=0
    )
