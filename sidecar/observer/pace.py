"""How a drift came: at once, or little by little. Pure functions on a few numbers.

The rows of every stretch between two starts of a detector get a mean score in the direction of the move, 0
while nothing moved. Two stories are fitted to these means by least squares: a step at one moment, and a rise
over a length of time. Both may begin at any boundary between stretches. The gain is in log likelihood, so a
difference of 3 is odds of 20 to 1. Counterpart: `sidecar.observer.drift`, which keeps the stretches.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from sidecar.observer.sequential import Values
from sidecar.scoring.bins import Counts

Pace = Literal["unsure", "sudden", "slow"]

ODDS = 3.0
"""Log likelihood by which one story must be better than the other."""

LONG = 0.5
"""A slow drift takes at least this share of a window."""

SHORT = 0.1
"""A sudden drift takes at most this share of a window."""

CAUTION = 20.0
"""Rows of the reference that are added to those since the onset, to learn the move's direction from few."""


NEAR_BEST = 2.0
"""Log likelihood that an onset may lose against the best one and still be in its interval of 95 %."""


class Course(NamedTuple):
    """How a drift came. For a slow one also the boundaries between which it began, and the likeliest."""

    pace: Pace
    first: int = 0
    best: int = 0
    last: int = 0


def scores(since: Counts, before: Values) -> Values:
    """A score for each bin of one feature, with mean 0 under the reference: the log of how much likelier the
    bin became. `since`: rows since the onset (W,); `before`: the reference's probabilities (W,)."""
    known = before > 0
    after = (since + CAUTION * before) / (since.sum() + CAUTION)
    score = np.log(after / np.where(known, before, 1.0), out=np.zeros_like(before), where=known)
    centred: Values = score - float(score @ before)
    return centred


def pace(bounds: Values, stretches: Counts, score: Values, window: int) -> Course:
    """Which story fits better by `ODDS`.

    `bounds`: rows at which stretches begin, and the last one's end (K + 1,). `stretches`: each one's rows by
    bin (K x W). `score`: as `scores` gives it. `window`: length of a window in rows.
    """
    rows = stretches.sum(axis=1).astype(np.float64)
    total = stretches.sum(axis=0)
    if len(rows) < 2 or not total.sum():
        return Course("unsure")
    means = stretches @ score / np.maximum(rows, 1.0)
    variance = float(np.square(score) @ total / total.sum())
    if variance <= 0.0:
        return Course("unsure")
    weight = rows / variance
    begin, end = bounds[:-1], bounds[1:]
    starts, ends = np.meshgrid(begin, end, indexing="ij")
    rises = _gain(means, weight, _risen(begin, end, starts.ravel(), ends.ravel())).reshape(starts.shape)
    rises = np.where(ends > starts, rises, 0.0)
    # Nobody knows how long a rise will be that isn't over yet.
    long, lasts = ends - starts >= LONG * window, ends == end[-1]
    slow = np.where(long, rises, 0.0).max(axis=1)
    # A step within a stretch, or over before anybody would notice, is a step.
    short = ~lasts & ((ends - starts <= SHORT * window) | np.eye(len(begin), dtype=np.bool_))
    step = float(_gain(means, weight, (begin >= begin[:, None]).astype(np.float64)).max())
    step = max(step, float(np.where(short, rises, 0.0).max()))
    if slow.max() - step >= ODDS:
        likely = np.flatnonzero(slow >= slow.max() - NEAR_BEST)
        return Course("slow", int(likely[0]), int(slow.argmax()), int(likely[-1]))
    rise = float(np.where(long | lasts, rises, 0.0).max())
    return Course("sudden" if step - rise >= ODDS else "unsure")


def _risen(begin: Values, end: Values, starts: Values, ends: Values) -> Values:
    """How far each rise (N) has come on average in each stretch (K), N x K, from 0 to 1."""
    length = np.maximum(ends - starts, 1.0)[:, None]

    def area(at: Values) -> Values:
        reached: Values = np.clip((at - starts[:, None]) / length, 0.0, 1.0)
        whole: Values = length * np.square(reached) / 2 + np.maximum(at - ends[:, None], 0.0)
        return whole

    risen: Values = (area(end) - area(begin)) / np.maximum(end - begin, 1.0)
    return risen


def _gain(means: Values, weight: Values, shape: Values) -> Values:
    """Log likelihood that each shape (N x K) gains over no move, at its best height above 0."""
    covered = np.maximum(shape @ (weight * means), 0.0)
    size = np.square(shape) @ weight
    gain: Values = np.square(covered) / np.where(size > 0, size, np.inf) / 2
    return gain
