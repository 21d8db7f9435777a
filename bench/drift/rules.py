"""Simple rules in common use, worked out here: what each says of one window and feature."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import stats

from sidecar.exchange import Matrix

Rule = Callable[[dict[str, float], int], bool]

RULES: dict[str, tuple[str, Rule]] = {
    "KS, p < 0.05, any feature": ("5 % per feature", lambda s, k: s["ks_p"] < 0.05),
    "KS, p < 0.05 / features, any feature": ("5 %", lambda s, k: s["ks_p"] < 0.05 / k),
    "PSI > 0.1, any feature": ("none", lambda s, k: s["psi"] > 0.1),
    "Wasserstein / sigma > 0.1, any feature": ("none", lambda s, k: s["wasserstein"] > 0.1),
    "never": ("0", lambda s, k: False),
    "always": ("100 %", lambda s, k: True),
}
"""Rules for one window and feature, with what each promises for a window."""


def judged(reference: Matrix, windows: Any) -> dict[str, int]:
    """Windows with an alarm, by rule. `windows`: (windows, rows, features)."""
    found = dict.fromkeys(RULES, 0)
    for window in windows:
        told = list(_compared(reference, window))
        for rule, (_, test) in RULES.items():
            found[rule] += any(test(one, len(told)) for one in told)
    return found


def _compared(reference: Matrix, window: Matrix) -> Iterator[dict[str, float]]:
    """What the rules look at, for each feature."""
    for before, now in zip(reference.T, window.T, strict=True):
        yield {
            "ks_p": float(stats.ks_2samp(before, now, method="asymp").pvalue),
            "psi": _psi(before, now),
            "wasserstein": float(stats.wasserstein_distance(before, now)) / (float(before.std()) or 1.0),
        }


def _psi(before: Any, now: Any) -> float:
    """PSI as it's commonly worked out: in the reference's deciles, 0.0001 in place of an empty one."""
    edges = np.unique(np.quantile(before, np.arange(1, 10) / 10))
    bins = [
        np.bincount(np.searchsorted(edges, one, side="right"), minlength=len(edges) + 1)
        for one in (before, now)
    ]
    p, q = (np.maximum(one / one.sum(), 1e-4) for one in bins)
    return float(((q - p) * np.log(q / p)).sum())
