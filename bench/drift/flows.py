"""Flows in which nothing moves: reference and windows are drawn from the same rows, so that every alarm is
false. What `stationary` replays: the same for every rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.drift.data import draw
from bench.drift.replay import WINDOW
from sidecar.exchange import Matrix

REFERENCE = 10_000
"""Rows of the reference: ten windows, because NannyML takes its thresholds from chunks of it."""

WINDOWS = 100
"""Windows against one reference."""


class Flow(NamedTuple):
    """One stream of a set's rows."""

    set: str
    number: int
    reference: Matrix
    first: Matrix
    """Rows of the first window, whose answers sidecar compares later answers with."""
    windows: tuple[Matrix, ...]


def flows(pools: dict[str, Matrix], each: int, seed: int) -> Iterator[Flow]:
    """So many flows of each set, in turn."""
    for number in range(each):
        for i, (name, pool) in enumerate(pools.items()):
            random = np.random.default_rng((seed, i, number))
            reference, first = draw(pool, REFERENCE, random), draw(pool, WINDOW, random)
            windows = tuple(draw(pool, WINDOW, random) for _ in range(WINDOWS))
            yield Flow(name, number, reference, first, windows)
