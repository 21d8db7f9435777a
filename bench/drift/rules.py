"""Rules in common use: what each says of one window and feature, and how often it alarms on nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.drift.data import REFERENCE, draw, reference
from bench.drift.replay import WINDOW
from sidecar.exchange import Matrix
from sidecar.observer.axes import Fields
from sidecar.observer.statistics import compare
from sidecar.scoring.bins import Bins, Counts, ReferenceField

Rule = Callable[[dict[str, Any], int], bool]

RULES: dict[str, tuple[str, Rule]] = {
    "KS, p < 0.05": ("5 % per feature", lambda s, k: s["kolmogorov_smirnov"].p < 0.05),
    "KS, p < 0.05 / features": ("5 %", lambda s, k: s["kolmogorov_smirnov"].p < 0.05 / k),
    "PSI > 0.1": ("none", lambda s, k: s["psi"] > 0.1),
    "Wasserstein / sigma > 0.1": ("none", lambda s, k: s["wasserstein"].effect > 0.1),
    "never": ("0", lambda s, k: False),
    "always": ("100 %", lambda s, k: True),
}
"""Rules for one window and feature, with what each promises for a window; any feature is an alarm."""


def rules(pools: dict[str, Matrix], seconds: float) -> dict[str, tuple[str, float]]:
    random = np.random.default_rng(9)
    alarms: Counter[str] = Counter()
    windows, until = 0, time.process_time() + seconds
    while time.process_time() < until:
        for pool in pools.values():
            fields = reference(draw(pool, REFERENCE, random))
            rows = draw(pool, WINDOW, random)
            found = list(_compared(fields, rows))
            alarms.update(
                rule for rule, (_, test) in RULES.items() if any(test(s, len(found)) for s in found)
            )
            windows += 1
    return {rule: (promised, alarms[rule] / windows) for rule, (promised, _) in RULES.items()}


def _compared(fields: Fields, rows: Matrix) -> Iterator[dict[str, Any]]:
    """What the rules look at, for each feature."""
    bins = Bins(fields)
    counts = bins.counts(rows)
    for i, (field, where) in enumerate(zip(fields, bins.slices, strict=True)):
        statistics = compare(field, counts[where], rows[:, i])
        yield {**statistics, "psi": _psi(field, counts[where])}


def _psi(field: ReferenceField, counts: Counts) -> float:
    """PSI as it's commonly worked out: in ten bins (two of ours each), 0.0001 in place of an empty one."""
    shares = (np.array(field.probabilities[1:-2]), counts[1:-2] / counts.sum())
    p, q = (np.add.reduceat(one, np.arange(0, len(one), 2)) for one in shares)
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return float(((q - p) * np.log(q / p)).sum())
