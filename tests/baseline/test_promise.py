"""What a threshold will do is known beforehand; checked against a simulation of many baselines."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.promise import promise, sentence


@pytest.mark.parametrize(("threshold", "rows"), [(0.1, 99), (0.01, 999), (0.001, 4999)])
def test_the_true_share_lies_between_the_ends_19_times_in_20(threshold, rows):
    """Scores are uniform, so the true share of a baseline is how much lies above its k-th largest score."""
    rng = np.random.default_rng(0)
    k = round(threshold * (rows + 1))
    shares = [1 - np.partition(rng.random(rows), rows - k)[rows - k] for _ in range(1500)]
    told = promise(threshold, rows)
    inside = np.mean([told.least <= share <= told.most for share in shares])
    assert 0.93 < inside < 0.97


def test_below_the_finest_nothing_is_flagged():
    assert promise(0.001, 499) == (0.001, 0.0, 0.0)
    assert not promise(0.001, 499).close
    assert "0.001 flags none at all, being below the finest p-value, 0.002" in sentence(499, 1 / 500)


@pytest.mark.parametrize(("threshold", "rows"), [(0.1, 1_000), (0.01, 10_999), (0.001, 119_999)])
def test_so_many_rows_bring_the_share_within_a_fifth(threshold, rows):
    assert promise(threshold, rows).close
    assert not promise(threshold, rows // 2).close
