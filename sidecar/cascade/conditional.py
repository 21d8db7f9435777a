"""Did a model change? Its answers are compared for questions that were asked before and are asked now.

Not "are the answers different", which is so whenever the questions are, but "are they different to like
questions":

1. Columns are brought to units of the rows before. Half of those fit a surrogate
   (`sidecar.cascade.surrogate`); of the other half and the rows after only what it leaves unexplained is
   looked at.
2. Each row after gets its nearest row before for a partner. Rows without a near one lie where the model was
   never asked before; they say nothing, and are left out; and the nearer partners are, the more they count.
   So a drift of the questions is not taken for a change of the model.
3. If the model is the same, partners might as well be exchanged. The statistic is the kernel distance between
   both sides (a maximum mean discrepancy; Gretton et al. 2012) that also sees changes that depend on the
   question; its distribution under random exchanges is what it is compared with.

Then the halves change places, so that every row before is used on both sides. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.cascade.surrogate import fit, squared_distances
from sidecar.exchange import Matrix

Floats = NDArray[np.float64]

LEAST = 30
"""Pairs that are needed to say anything."""

MOST = 400
"""Rows after that are looked at: the latest."""

EXCHANGES = 999
"""Random exchanges. The p-value is no smaller than one over their number and one."""

SUPPORT = 0.9
"""Share of the rows before that have their own nearest neighbour within the greatest distance of partners."""


class Change(NamedTuple):
    """What was found. `p`: of so large a difference if the model is the same. `strength`: the same as
    standard deviations of the exchanged statistic, for ranking. `pairs`: how many were compared; `support`:
    the share of rows after that had a partner. Without enough pairs p is 1."""

    p: float
    strength: float
    pairs: int
    support: float


def change(before: tuple[Matrix, Matrix], after: tuple[Matrix, Matrix], seed: int = 0) -> Change:
    """Compare (inputs, outputs) before and after; matrices of (rows, columns), finite."""
    random = np.random.default_rng(seed)
    asked, answered = in_units(before[0], before[0]), in_units(before[1], before[1])
    now_asked, now_answered = in_units(before[0], after[0])[-MOST:], in_units(before[1], after[1])[-MOST:]
    order = random.permutation(len(asked))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    turn = np.arange(len(now_asked)) % 2
    parts = []
    for side in (0, 1):
        learn, match = halves[side], halves[1 - side]
        ours = turn == side
        parts.append(
            _partners(
                (asked[learn], answered[learn]),
                (asked[match], answered[match]),
                (now_asked[ours], now_answered[ours]),
            )
        )
    middle, left, right, near = (np.concatenate([part[i] for part in parts]) for i in range(4))
    support = len(middle) / max(1, len(now_asked))
    if len(middle) < LEAST:
        return Change(1.0, 0.0, len(middle), support)
    return Change(*_exchanged(middle, left, right, near, random), len(middle), support)


def in_units(reference: Matrix, values: Matrix) -> Matrix:
    """Columns in standard deviations of the reference around its mean; a constant one keeps its unit."""
    spread = reference.std(axis=0)
    unit = np.where(spread > 1e-9 * (1.0 + np.abs(reference).max(axis=0, initial=0.0)), spread, 1.0)
    # One wild value mustn't outweigh all others.
    told: Matrix = np.clip((values - reference.mean(axis=0)) / unit, -20.0, 20.0)
    return told


def _partners(
    learn: tuple[Matrix, Matrix], match: tuple[Matrix, Matrix], now: tuple[Matrix, Matrix]
) -> tuple[Matrix, Matrix, Matrix, Floats]:
    """Where each pair lies among the questions, what is unexplained of the answer before and after, and how
    near the partners are, from 0 to 1."""
    surrogate = fit(*learn)
    apart = squared_distances(now[0], match[0])
    among = squared_distances(match[0], learn[0])
    alone = among.min(axis=1)
    reach, typical = float(np.quantile(alone, SUPPORT)), float(np.median(alone))
    ours, theirs = nearest_pairs(apart, reach)
    left = match[1][theirs] - surrogate.predict(match[0][theirs])
    right = now[1][ours] - surrogate.predict(now[0][ours])
    near = np.exp(-0.5 * apart[ours, theirs] / (typical or 1.0))
    return (match[0][theirs] + now[0][ours]) / 2.0, left, right, near


def nearest_pairs(apart: Matrix, reach: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Partners no further apart than `reach`, the nearest first, each row at most once."""
    rows, columns = np.nonzero(apart <= reach)
    order = np.argsort(apart[rows, columns], kind="stable")
    free_row, free_column = np.ones(apart.shape[0], dtype=bool), np.ones(apart.shape[1], dtype=bool)
    pairs = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if free_row[row] and free_column[column]:
            free_row[row] = free_column[column] = False
            pairs.append((row, column))
    chosen = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return chosen[:, 0], chosen[:, 1]


def _exchanged(
    middle: Matrix, left: Matrix, right: Matrix, weight: Floats, random: np.random.Generator
) -> tuple[float, float]:
    """The p-value and the strength of the difference between both sides of the pairs."""
    unit = np.concatenate((left, right)).std(axis=0)
    left, right = left / np.where(unit > 1e-12, unit, 1.0), right / np.where(unit > 1e-12, unit, 1.0)
    both = np.concatenate((left, right))
    among = squared_distances(both, both)
    width = np.median(among[np.triu_indices(len(both), 1)]) or 1.0
    alike = np.exp(-among / width)
    n = len(left)
    kernel = alike[:n, :n] + alike[n:, n:] - alike[:n, n:] - alike[n:, :n]
    places = squared_distances(middle, middle)
    near = np.exp(-places / (np.median(places[np.triu_indices(n, 1)]) or 1.0))
    # Everywhere alike, and in its own way here and there: half of each.
    kernel *= (0.5 + 0.5 * near) * weight[:, None] * weight[None]
    np.fill_diagonal(kernel, 0.0)
    signs = random.choice((-1.0, 1.0), size=(EXCHANGES, n))
    under = np.einsum("ij,ij->i", signs @ kernel, signs)
    found = float(kernel.sum())
    p = (1 + int((under >= found).sum())) / (1 + EXCHANGES)
    return p, (found - float(under.mean())) / (float(under.std()) or 1.0)
