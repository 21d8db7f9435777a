"""Isotonic regression: the rising curve that is nearest to the rows. Pool adjacent violators (Ayer et al.
1955).

It turns a score into a probability without asking what kind of score it is. scikit-learn's
`IsotonicRegression(out_of_bounds="clip")`, to rounding; a test holds it to that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """Knots, both rising: between them it's straight, beyond them level."""

    x: Floats
    y: Floats

    def __call__(self, x: Floats) -> Floats:
        found: Floats = np.interp(x, self.x, self.y)
        return found


def fit(x: Floats, y: Floats, weight: Floats | None = None) -> Curve:
    """The curve through at least one row."""
    weights = np.ones(len(x)) if weight is None else weight
    knots, place = np.unique(x, return_inverse=True)
    mass = np.bincount(place, weights)
    mean = np.bincount(place, weights * y) / mass
    means: list[float] = []
    masses: list[float] = []
    counts: list[int] = []
    for value, heavy in zip(mean.tolist(), mass.tolist(), strict=True):
        count = 1
        while means and means[-1] >= value:
            total = masses[-1] + heavy
            value = (means.pop() * masses[-1] + value * heavy) / total
            masses.pop()
            heavy, count = total, count + counts.pop()
        means.append(value)
        masses.append(heavy)
        counts.append(count)
    level = np.repeat(means, counts)
    # Within a level stretch only its ends matter.
    kept = np.ones(len(level), dtype=np.bool_)
    kept[1:-1] = (level[1:-1] != level[:-2]) | (level[1:-1] != level[2:])
    return Curve(knots[kept], level[kept])
