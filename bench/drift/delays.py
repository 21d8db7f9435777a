"""Delays: rows until the alarm, for a change of one of 50 features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bench.drift.data import REFERENCE, draw, fifty, reference
from bench.drift.replay import Replay
from sidecar.exchange import Matrix


class Move(NamedTuple):
    """A change of one feature, and the rows within which it should be found (median)."""

    name: str
    target: int
    of: Callable[[Any], Any]


MOVES = (
    Move("0.3 sigma", 1_000, lambda x: x + 0.3 * x.std()),
    Move("1 sigma", 150, lambda x: x + x.std()),
    Move("unit x 100", 20, lambda x: x * 100.0),
)


def detection(episodes: int) -> None:
    """Delays in one of 50 features: real ones, and normal ones, which are harder as they have no ties."""
    print("\nRows until the alarm, one of 50 features moved after 500 rows\n")
    print(
        f"{'data':22}{'move':14}{'episodes':>9}{'median':>8}{'90 %':>8}{'missed':>8}{'false':>7}{'wanted':>8}"
    )
    random = np.random.default_rng(5)
    for name, pool in (("satimage + pendigits", fifty()), ("normal", random.normal(size=(6_000, 50)))):
        for move in MOVES:
            found = [_delay(pool, move, random) for _ in range(episodes)]
            delays = sorted(np.inf if one is None else one for one in found if one != -1)
            missed, false = found.count(None), found.count(-1)
            print(
                f"{name:22}{move.name:14}{episodes:>9}{np.median(delays):>8.0f}"
                f"{np.quantile(delays, 0.9, method='higher'):>8.0f}{missed:>8}{false:>7}{move.target:>8}"
            )


def _delay(pool: Matrix, move: Move, random: np.random.Generator) -> int | None:
    """Rows until the alarm; None: not within 5,000; -1: before anything moved."""
    replay = Replay(reference(draw(pool, REFERENCE, random)))
    if replay.until_alarm(draw(pool, 500, random)) is not None:
        return -1
    rows = draw(pool, 5_000, random)
    feature = int(random.integers(rows.shape[1]))
    rows[:, feature] = move.of(rows[:, feature])
    return replay.until_alarm(rows, 5)
