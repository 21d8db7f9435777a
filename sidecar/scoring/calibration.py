"""Raw score -> p-value: how many rows that the detector never saw are at least as odd.

Split conformal calibration. Let s_1 ... s_m be the scores of m held-out clean rows and s that of a new row.
If the new row is exchangeable with them (clean traffic that looks like the reference), then

    p = (1 + #{s_i >= s}) / (m + 1)

satisfies P(p <= t) <= t for every t, exactly and for every m, whatever the detector and the data. That is an
average over draws of the calibration rows. Given one such draw, the share of clean rows with p <= t is itself
random: without ties it follows Beta(k, m + 1 - k) with k = floor(t (m + 1)), so it is mostly within
2 sqrt(t / m) of t. No p can be smaller than 1 / (m + 1): a threshold below that never flags anything.

Sources: Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World"; Bates, Candes, Lei, Romano
and Sesia 2023, "Testing for outliers with conformal p-values", Annals of Statistics 51(1).
"""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from sidecar.scoring.detector import Arrays, Floats, need

TIE = 1e-9
"""Scores closer than this, relative to their usual size, are ties: they equal PyOD's only so closely.
A tie counts as "at least as odd", which can make a p-value larger but never too small."""


LEAST_SPREAD = 1e-100
"""A spread of scores below this is no scale to measure by: dividing by it would overflow."""


class Conformal:
    """The held-out scores, and the p-value of a new one. Immutable."""

    def __init__(self, held_out: Floats) -> None:
        """`held_out`: shape (m,), finite, m >= 1, in any order. Raises ValueError otherwise."""
        if held_out.ndim != 1 or not held_out.size or not np.isfinite(held_out).all():
            raise ValueError("calibration scores must be a non-empty list of finite numbers")
        self.held_out = np.sort(held_out)
        # The median, because one huge score must not make all the others ties.
        self._slack = TIE * float(np.median(np.abs(self.held_out)))
        self._sorted: list[float] = self.held_out.tolist()  # bisecting an array makes a float at each step
        self._one = 1 + len(self._sorted)

    @property
    def finest(self) -> float:
        """The smallest p-value there can be, 1 / (m + 1)."""
        return 1.0 / self._one

    def p(self, score: float) -> float:
        """The p-value of one score, which may be infinite but not NaN."""
        lowest = score * (1.0 - math.copysign(TIE, score)) - self._slack
        return (self._one - bisect_left(self._sorted, lowest)) / self._one

    def p_many(self, scores: Floats) -> Floats:
        """The p-values of scores, shape (rows,)."""
        lowest = scores * (1.0 - np.copysign(TIE, scores)) - self._slack
        p: Floats = (self._one - self.held_out.searchsorted(lowest)) / self._one
        return p


class WeightedConformal(Conformal):
    """The same where held-out rows stand for different shares of the traffic, because they were drawn or have
    aged:

        p = (sum of the weights of held-out rows that score at least as much, + w) / (sum of all weights + w)

    When a row's weight is how much more often such rows occur in the traffic than among the held-out ones,
    and w is the new row's own, P(p <= t) <= t again, exactly (Tibshirani, Barber, Candes and Ramdas 2019,
    "Conformal prediction under covariate shift", NeurIPS). The new row's weight isn't known here, so the
    largest there is stands for it: p can only be larger for that. With estimated weights the promise is as
    good as the estimate.
    """

    def __init__(self, held_out: Floats, weights: Floats) -> None:
        """`weights`: one for each of `held_out`, positive and finite. Raises ValueError otherwise."""
        super().__init__(held_out)
        if weights.shape != held_out.shape or not np.isfinite(weights).all() or not (weights > 0).all():
            raise ValueError("calibration weights must be a positive number for each calibration score")
        own = weights[np.argsort(held_out, kind="stable")]
        new = float(own.max())
        at_least = np.append(np.cumsum(own[::-1])[::-1], 0.0) + new
        self._p = at_least / at_least[0]
        """By how many held-out rows are less odd."""

    @property
    def finest(self) -> float:
        return float(self._p[-1])

    def p(self, score: float) -> float:
        lowest = score * (1.0 - math.copysign(TIE, score)) - self._slack
        return float(self._p[bisect_left(self._sorted, lowest)])

    def p_many(self, scores: Floats) -> Floats:
        lowest = scores * (1.0 - np.copysign(TIE, scores)) - self._slack
        p: Floats = self._p[self.held_out.searchsorted(lowest)]
        return p


def conformal_from(arrays: Arrays, scores: str, weights: str) -> Conformal:
    """The held-out scores of that name, with their weights if there are any. Raises ValueError."""
    held_out = need(arrays, scores, np.float64, -1)
    if weights not in arrays:
        return Conformal(held_out)
    return WeightedConformal(held_out, need(arrays, weights, np.float64, held_out.size))


class Surprise:
    """Raw score -> nats: how unlikely a score that large is, on one scale for all detectors.

    -log of the share of standard rows that score at least as much, straight between two of them, and beyond
    the largest as if the tail were Pareto's: a logarithm, so that no detector can drown the others by a mere
    difference of scale. It never decreases, and decides nothing about validity: any fixed function
    does, because what is made of it is calibrated afterwards on other rows.
    """

    def __init__(self, standard: Floats) -> None:
        """`standard`: shape (m,), finite, m >= 1. Raises ValueError otherwise."""
        if standard.ndim != 1 or not standard.size or not np.isfinite(standard).all():
            raise ValueError("standard scores must be a non-empty list of finite numbers")
        self.standard = np.sort(standard)
        knots, first = np.unique(self.standard, return_index=True)
        m = self.standard.size
        self._knots = knots
        self._nats = -np.log((m - first) / (m + 1))
        self._last = float(knots[-1])
        self._most = float(self._nats[-1])
        self._scale = self._tail_scale()

    def many(self, scores: Floats) -> Floats:
        """The surprise of scores, any shape."""
        beyond = np.maximum(scores - self._last, 0.0) / self._scale
        nats: Floats = np.interp(scores, self._knots, self._nats) + np.log1p(beyond)
        return nats

    def one(self, score: float) -> float:
        """The surprise of one score."""
        if score > self._last:
            return self._most + math.log1p((score - self._last) / self._scale)
        return float(np.interp(score, self._knots, self._nats))

    def _tail_scale(self) -> float:
        """Mean excess over the upper tenth or, where scores are few or tied, whatever spread there is."""
        tenth = self.standard[int(0.9 * self.standard.size) :]
        excess = float((tenth - tenth[0]).mean())
        for spread in (excess, float(np.ptp(self.standard)), abs(self._last)):
            if spread > LEAST_SPREAD:
                return spread
        return 1.0
