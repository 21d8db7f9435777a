"""Did single columns move? The Kolmogorov-Smirnov distance, for columns of one model and along an edge. Pure.

The weaker question: it tells who suffers, and whether the outside world changed, not who is to blame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sidecar.cascade.pairs import Moved, Value

P = 1e-4
"""A column has moved when its p is below, divided by the number of columns looked at."""

LEAST = 0.1
"""Distance that a move must have: a difference too small to matter is none."""

NAMED = 8
"""Columns that are named at most, the farthest first."""


def distance(left: Sequence[Value], right: Sequence[Value]) -> float:
    """The largest difference of the two distribution functions; of texts, of their shares."""
    if any(isinstance(value, str) for value in (*left, *right)):
        return _of_texts(left, right)
    ours = np.sort([float(v) for v in left if v is not None and not isinstance(v, str)])
    theirs = np.sort([float(v) for v in right if v is not None and not isinstance(v, str)])
    missing = abs(
        (len(left) - len(ours)) / max(1, len(left)) - (len(right) - len(theirs)) / max(1, len(right))
    )
    if not len(ours) or not len(theirs):
        return missing
    both = np.concatenate((ours, theirs))
    up_to = np.searchsorted(ours, both, side="right") / len(ours)
    apart = np.abs(up_to - np.searchsorted(theirs, both, side="right") / len(theirs))
    return max(missing, float(apart.max()))


def _of_texts(left: Sequence[Value], right: Sequence[Value]) -> float:
    """Half the sum of the differences of their words' shares: total variation. A label is one word."""
    ours, theirs = _shares(left), _shares(right)
    return sum(abs(ours.get(word, 0.0) - theirs.get(word, 0.0)) for word in ours.keys() | theirs.keys()) / 2.0


def _shares(values: Sequence[Value]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for value in values:
        words = str(value).split() or [""]
        for word in words:
            shares[word] = shares.get(word, 0.0) + 1.0 / (len(words) * max(1, len(values)))
    return shares


def p_of(found: float, left: int, right: int) -> float:
    """Asymptotic p of a Kolmogorov-Smirnov distance (its leading term, an upper bound)."""
    effective = left * right / max(1, left + right)
    return min(1.0, 2.0 * math.exp(-2.0 * effective * found * found))


def moved(
    names: Sequence[str], before: Sequence[tuple[Value, ...]], after: Sequence[tuple[Value, ...]]
) -> tuple[Moved, ...]:
    """The columns that moved, the farthest first."""
    found = []
    for i, name in enumerate(names):
        ours, theirs = [row[i] for row in before], [row[i] for row in after]
        if any(isinstance(value, str) for value in ours):
            one = _text_moved(name, ours, theirs)
        else:
            apart = distance(ours, theirs)
            one = Moved(name, apart, p_of(apart, len(ours), len(theirs)))
        if one.distance >= LEAST and one.p * len(names) < P:
            found.append(one)
    return tuple(sorted(found, key=lambda one: -one.distance)[:NAMED])


def _text_moved(name: str, ours: Sequence[Value], theirs: Sequence[Value]) -> Moved:
    """Few rows of many words differ anyway. So as many rows are taken of before, of before once more and of
    after, and what the first two differ by is no move."""
    rows = min(len(ours) // 2, len(theirs))
    first, second, later = ours[:rows], ours[len(ours) - rows :], theirs[len(theirs) - rows :]
    apart = (distance(first, later) + distance(second, later)) / 2.0 - distance(first, second)
    return Moved(name, max(0.0, apart), p_of(max(0.0, apart), rows, rows))
