"""The rules beside which drift alarms are measured say what SciPy says, on real rows that have ties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from bench.drift.data import adbench, draw
from bench.drift.flows import REFERENCE, WINDOWS, flows
from bench.drift.rules import RULES, Reference

CARDIO = adbench("6_cardio")


@pytest.mark.parametrize("rows", [100, 1_000])
@pytest.mark.parametrize("moved", [0.0, 0.5])
def test_figures_are_scipys(rows: int, moved: float) -> None:
    random = np.random.default_rng(rows)
    before = draw(CARDIO, 5_000, random)
    now = draw(CARDIO, rows, random) + moved * CARDIO.std(axis=0)
    told = Reference(before).compared(now)
    few = 0
    for i, (old, new) in enumerate(zip(before.T, now.T, strict=True)):
        assert told.ks_p[i] == pytest.approx(stats.ks_2samp(old, new, method="asymp").pvalue, abs=1e-12)
        values, both = np.unique(np.concatenate((old, new)), return_inverse=True)
        if len(values) > 5:
            score = stats.wasserstein_distance(old, new) / old.std()
        else:
            shares = [np.bincount(part, minlength=len(values)) for part in np.split(both, [len(old)])]
            score, few = jensenshannon(*shares), few + 1
        assert told.evidently[i] == pytest.approx(score, abs=1e-9)
    assert few == (2 if not moved else 1)


def test_every_rule_sees_what_moved_but_the_one_that_never_does() -> None:
    random = np.random.default_rng(0)
    before = draw(CARDIO, 5_000, random)
    told = Reference(before).compared(before[:1_000] + 2 * before.std(axis=0))
    assert [rule for rule, (_, test) in RULES.items() if not test(told)] == ["never"]
    told = Reference(before).compared(before)
    assert [rule for rule, (_, test) in RULES.items() if test(told)] == ["always"]


def test_flows_come_again_and_their_rows_are_the_sets() -> None:
    pools = {"cardio": CARDIO[:, :3], "again": CARDIO[:, :3]}
    first, other = flows(pools, 1, 0)
    again, _ = flows(pools, 1, 0)
    assert (first.set, other.set) == ("cardio", "again")
    assert len(first.reference) == REFERENCE
    assert len(first.windows) == WINDOWS
    np.testing.assert_array_equal(first.windows[-1], again.windows[-1])
    assert (first.reference != other.reference).any()
    assert np.isin(first.windows[0], CARDIO).all()
