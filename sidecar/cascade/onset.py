"""When did a model change? The moment that best parts what its surrogate leaves unexplained. Pure."""

from __future__ import annotations

import numpy as np

from sidecar.cascade.conditional import Floats, in_units
from sidecar.cascade.pairs import Onset
from sidecar.cascade.surrogate import fit, squared_distances
from sidecar.exchange import Matrix

MARGIN = 1.92
"""Log likelihood below the best at which a moment is still possible: 95 % of chi-square with one degree of
freedom, halved (Wilks)."""


def onset(times: Floats, asked: Matrix, answered: Matrix, before: int, after: int) -> Onset:
    """The change between the first `before` rows, which precede it, and the last `after`, which follow it."""
    asked, answered = in_units(asked[:before], asked), in_units(answered[:before], answered)
    learn = np.arange(len(asked)) % 2 == 0
    learn[before:] = False
    surrogate = fit(asked[learn], answered[learn])
    rest = ~learn
    left = answered[rest] - surrogate.predict(asked[rest])
    old = int(rest[:before].sum())
    at, series = times[rest], unlike(left, old, after)
    likely = _likelihoods(series)
    possible = np.flatnonzero(likely >= likely.max() - MARGIN)
    best = int(np.argmax(likely))
    return Onset(float(at[best + 1]), float(at[possible[0]]), float(at[min(possible[-1] + 1, len(at) - 1)]))


def unlike(left: Matrix, old: int, new: int) -> Floats:
    """For each row, how much more it is like the last `new` than like the first `old`."""
    unit = left.std(axis=0)
    left = left / np.where(unit > 1e-12, unit, 1.0)
    among = squared_distances(left, left)
    alike = np.exp(-among / (np.median(among) or 1.0))
    np.fill_diagonal(alike, 0.0)
    witness: Floats = alike[:, -new:].mean(axis=1) - alike[:, :old].mean(axis=1)
    return witness


def _likelihoods(series: Floats) -> Floats:
    """Log likelihood of one step after each row but the last, with normal errors around two levels."""
    n = len(series)
    count = np.arange(1, n)
    first = np.cumsum(series)[:-1]
    total, squares = series.sum(), float(np.square(series).sum())
    explained = first**2 / count + (total - first) ** 2 / (n - count)
    remaining = np.maximum(squares - explained, 1e-12 * max(squares, 1e-12))
    likely: Floats = -0.5 * n * np.log(remaining)
    return likely
