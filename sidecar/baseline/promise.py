"""What a threshold will do: the share of clean rows that a baseline flags, known before it sees any.

p-values promise that share on average over which rows were held out. For one baseline it is fixed and
unknown: with m held-out rows and k = floor(t (m + 1)) it is drawn from a Beta(k, m + 1 - k), whatever the
data and the detector, as long as scores seldom tie (Vovk 2012, "Conditional validity of inductive conformal
predictors").
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.stats import beta

SURE = 0.95
"""How often the share lies between the two ends."""

THRESHOLDS = (0.1, 0.01, 0.001)

CLOSE = 0.2
"""Relative: so close to the threshold is what a threshold should mean."""


class Promise(NamedTuple):
    """Between which shares of clean rows a threshold flags."""

    threshold: float
    least: float
    most: float

    @property
    def close(self) -> bool:
        """Within a fifth of the threshold."""
        return self.least >= (1 - CLOSE) * self.threshold and self.most <= (1 + CLOSE) * self.threshold


def promise(threshold: float, held_out: float) -> Promise:
    """What a threshold does with `held_out` rows (weighted ones count like fewer: `weights.effective`)."""
    flagged = math.floor(threshold * (held_out + 1) + 1e-9)
    if flagged < 1:
        return Promise(threshold, 0.0, 0.0)
    tail = (1 - SURE) / 2
    spread = beta(flagged, held_out + 1 - flagged)
    return Promise(threshold, float(spread.ppf(tail)), float(spread.ppf(1 - tail)))


def sentence(held_out: float, finest: float) -> str:
    """For the person who fits."""
    parts = []
    for threshold in THRESHOLDS:
        found = promise(threshold, held_out)
        if threshold < finest * (1 - 1e-9):
            parts.append(f"{threshold:g} flags none at all, being below the finest p-value, {finest:.2g}")
        else:
            parts.append(f"{threshold:g} flags {found.least:.2%} to {found.most:.2%}")
    return f"Of clean rows a threshold of {'; '.join(parts)} (19 times in 20)."
