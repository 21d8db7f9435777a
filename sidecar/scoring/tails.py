"""How far out in the tails of its own column a value lies: what ECOD and COPOD are made of, compiled.

For a value x and n training values PyOD joins x to them and takes

    left  = -log((#{train <= x} + 1) / (n + 1))
    right = -log((#{train >= x} + 1) / (n + 1))
    sign of the skewness of the joined column

which are all step functions of x. So a column is cut into steps: with k cuts there are 2k + 1 of them,
2i + 1 is the cut i itself, 2i the gap before it, and 2k all beyond the last. The cuts are the distinct
training values and the ends of the stretches where the sign is in doubt. Counterpart:
`sidecar.scoring.tail_sum`, which looks values up in what is made here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.scoring.detector import Floats
from sidecar.scoring.skewness import EVERYWHERE, Column, Cubic, joined_sign

DOUBT = 2
"""In place of a sign: only the joined column itself can tell."""

DECIDED_AT_ONCE = 64
"""So many training values in doubtful stretches get their sign when compiling; more are left in doubt."""


class Tails(NamedTuple):
    """One training column as steps."""

    cuts: Floats
    """Ascending, shape (k,)."""
    left: Floats
    right: Floats
    sign: NDArray[np.int64]
    """-1, 0, 1 or `DOUBT`; these three of shape (2k + 1,)."""


def cut(train: Column, *, only_column: bool) -> Tails:
    """Cut one training column, shape (n,), into steps."""
    cubic = Cubic(train)
    stretches = cubic.doubtful()
    values, counts = np.unique(train, return_counts=True)
    cuts = np.union1d(values, [end for stretch in stretches for end in stretch if np.isfinite(end)])
    sign = np.full(2 * cuts.size + 1, DOUBT)
    if stretches != EVERYWHERE:
        places = _places(cuts)
        doubtful = np.logical_or.reduce([(places >= a) & (places <= b) for a, b in stretches])
        sign = np.where(doubtful, DOUBT, np.sign(cubic(places)).astype(np.int64))
    at_values = np.flatnonzero((sign[1::2] == DOUBT) & np.isin(cuts, values))
    if at_values.size <= DECIDED_AT_ONCE:
        for i in at_values.tolist():
            sign[2 * i + 1] = joined_sign(train, float(cuts[i]), only_column=only_column)
    below = np.concatenate(([0], np.cumsum(counts)))[np.searchsorted(values, cuts, side="right")]
    return Tails(cuts, *_sides(below, train.size), sign)


def sides(train: Column, x: float) -> tuple[float, float]:
    """(left, right) of one value."""
    n = train.size + 1
    at_most, at_least = int((train <= x).sum()) + 1, int((train >= x).sum()) + 1
    return float(-np.log(at_most / n)), float(-np.log(at_least / n))


def _sides(below: NDArray[np.int64], rows: int) -> tuple[Floats, Floats]:
    """(left, right) of each step. `below`: how many of the `rows` training values are at most each cut."""
    at_most = np.zeros(2 * below.size + 1, dtype=np.int64)
    at_most[1::2] = at_most[2::2] = below
    less = at_most.copy()
    less[1::2] = at_most[0:-1:2]
    return -np.log((at_most + 1) / (rows + 1)), -np.log((rows - less + 1) / (rows + 1))


def _places(cuts: Floats) -> Floats:
    """A value on each step: the cuts, the middles of the gaps, and something beyond both ends."""
    places = np.empty(2 * cuts.size + 1)
    places[1::2] = cuts
    places[2:-1:2] = cuts[:-1] + np.diff(cuts) / 2
    margin = 1.0 + np.ptp(cuts) + np.abs(cuts).max()
    places[0], places[-1] = cuts[0] - margin, cuts[-1] + margin
    return places
