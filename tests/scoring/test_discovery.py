"""Benjamini and Hochberg's rule, against SciPy, and what it promises for conformal p-values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from sidecar.scoring.calibration import Conformal
from sidecar.scoring.discovery import cutoff


@pytest.mark.parametrize("rows", [1, 2, 7, 100])
@pytest.mark.parametrize("level", [0.01, 0.1, 0.4])
def test_flags_what_scipy_would(rows, level):
    rng = np.random.default_rng(rows)
    for _ in range(50):
        p = np.where(rng.random(rows) < 0.3, rng.random(rows) * level, rng.random(rows)).round(3)
        p = np.maximum(p, 0.001)
        adjusted = false_discovery_control(p, method="bh")
        if (abs(adjusted - level) < 1e-12).any():
            continue  # on the line itself both round
        assert (p <= cutoff(p.tolist(), level)).tolist() == (adjusted <= level).tolist()


def test_rows_without_a_score_are_no_rows():
    assert cutoff([0.004, float("nan"), 0.5], 0.01) == 0.004
    assert cutoff([float("nan")], 0.01) == -1.0
    assert cutoff([], 0.01) == -1.0


def test_a_row_alone_is_judged_by_the_threshold():
    assert cutoff([0.01], 0.01) == 0.01
    assert cutoff([0.011], 0.01) == -1.0


def test_false_ones_among_the_flagged_are_as_few_as_promised():
    """With conformal p-values, which depend on each other by their common held-out rows."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        held_out = Conformal(rng.normal(size=1999))
        scores = np.concatenate((rng.normal(size=80), rng.normal(4.0, 1.0, size=20)))
        p = held_out.p_many(scores)
        flagged = p <= cutoff(p.tolist(), 0.1)
        shares.append(flagged[:80].sum() / max(1, flagged.sum()))
    assert np.mean(shares) <= 0.1
    assert np.mean(shares) > 0.04, "and not because nothing is flagged"
