"""A classifier that tells live rows from the reference's by how their columns hang together. Pure functions.

The classifier two-sample test of Lopez-Paz and Oquab ("Revisiting classifier two-sample tests", 2017): if
anything can be learned that tells two sets of rows apart, and holds on rows that it wasn't learned from, they
have different laws. Here it's learned from what single columns can't show:

* each value becomes two numbers that know only its bin: `slope`, its normal score under the reference, and
  `curve`, the part of its square that isn't in the slope. Both have mean 0 and variance 1 under the
  reference, and 0 stands for missing.
* a term is the product of two such numbers of different columns: its mean is a correlation, of slopes or of
  curves. With F columns there are 2 F (F - 1) terms.
* the classifier is a weighted sum of the few terms whose means have changed most since the reference, each
  weight what a linear discriminant would give it, shrunk by what chance alone would make of it.

Its score of a row is a number like any other feature: cut into bins by reference rows that it wasn't learned
from, and tested by `sidecar.observer.sequential` on live rows that came later. That keeps the promise at any
number of looks; Pandeva et al., "E-valuating classifier two-sample tests" (2024), do the same with fresh rows
on both sides. Counterpart: `sidecar.observer.relations`, which decides when to learn.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.observer.axes import Fields, by_quantiles
from sidecar.observer.sequential import Values
from sidecar.scoring.bins import Bins, ReferenceField
from sidecar.scoring.sample import Binned

MOST = 64
"""Columns looked at: the first ones. Their products fill matrices of 128 x 128."""

TERMS = 24
"""Terms of a classifier at most. A column whose rows got mixed up changes its relation to all others."""

CHANCE = 2.5
"""Standard errors by which a mean must have changed to be looked at; so much is nothing among 5,000 means."""

END = 0.01
"""Normal scores end at this quantile: a product of two must not be made by one odd value."""

LEAST_ROWS = 200
"""Reference rows without which nothing can be learned; half of them are for learning."""

MATTERS = 0.5
"""Share of all that tells the rows apart that a column's relations must have for it to be named."""

SCORE_BINS = 12
"""Bins of a score."""


class Reference(NamedTuple):
    """What is known of the columns together, from the rows of a baseline. K is twice the columns."""

    tables: Values
    """2 x bins of all fields: slope and curve of each bin."""
    slices: NDArray[np.intp]
    """Where each field's bins begin in them (F,)."""
    mean: Values
    """K x K: mean of every term over the rows to learn from."""
    variance: Values
    """K x K: its variance there; infinite where there's no term."""
    rows: int
    """Rows to learn from."""
    held_out: Values
    """Slopes and curves of the other rows (rows, K)."""


class Classifier(msgspec.Struct, frozen=True):
    """What was learned. `first` and `second`: the two numbers of each term, of K; `weights`: of each term;
    `field`: the score's bins, by reference rows that it wasn't learned from; `usual`: their mean of every
    term."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weights: NDArray[np.float64]
    usual: NDArray[np.float64]
    field: ReferenceField


class Related(msgspec.Struct, frozen=True):
    """Two columns whose relation changed: the correlation of their slopes (or curves, by `kind`) in the
    reference and since. `share`: of what the classifier tells the rows apart by."""

    columns: tuple[str, str]
    kind: str
    before: float
    since: float
    share: float


def reference(fields: Fields, rows: Binned) -> Reference | None:
    """What `rows` (rows, fields), in random order, say of the columns together; None when they're too few."""
    fields = fields[:MOST]
    if len(fields) < 2 or len(rows) < LEAST_ROWS:
        return None
    starts = np.array([where.start for where in Bins(fields).slices], dtype=np.intp)
    tables = np.concatenate([_slope_and_curve(field) for field in fields], axis=1)
    numbers = _look_up(tables, rows[:, : len(fields)] + starts)
    learned, held_out = numbers[: len(rows) // 2], numbers[len(rows) // 2 :]
    mean = learned.T @ learned / len(learned)
    variance = np.square(learned).T @ np.square(learned) / len(learned) - np.square(mean)
    field_of = np.arange(len(mean)) % len(fields)
    # Each pair once; and what hardly ever varies has no error that could be known.
    no_term = (field_of[:, None] >= field_of) | (variance < 1e-3)
    return Reference(tables, starts, mean, np.where(no_term, np.inf, variance), len(learned), held_out)


def numbers(codes: NDArray[np.int64], known: Reference) -> Values:
    """Slopes and curves of rows given by their bins, as `Bins.codes` numbers them: (rows, K)."""
    return _look_up(known.tables, codes[:, : len(known.slices)])


def learn(sums: tuple[tuple[int, Values], ...], known: Reference) -> Classifier:
    """The classifier for live rows, given for several stretches of them: rows, and the sum of every term over
    them (K x K). A term counts by the stretch that speaks loudest for it."""
    change, surprise = np.zeros_like(known.mean), np.zeros_like(known.mean)
    for rows, total in sums:
        changed = total / rows - known.mean
        here = changed / np.sqrt(known.variance * (1 / rows + 1 / known.rows))
        louder = np.abs(here) > np.abs(surprise)
        change, surprise = np.where(louder, changed, change), np.where(louder, here, surprise)
    order = np.argsort(-np.abs(surprise), axis=None)[:TERMS]
    loud = np.abs(surprise.ravel()[order])
    chosen = order[: max(1, int((loud > CHANCE).sum()))]
    first, second = np.unravel_index(chosen, change.shape)
    shrunk = np.maximum(1 - np.square(CHANCE / np.maximum(loud[: len(chosen)], 1e-9)), 0.1)
    weights = shrunk * change.ravel()[chosen] / known.variance.ravel()[chosen]
    terms = known.held_out[:, first] * known.held_out[:, second]
    field = by_quantiles("relations", terms @ weights, SCORE_BINS)
    return Classifier(first.astype(np.int64), second.astype(np.int64), weights, terms.mean(axis=0), field)


def terms(rows: Values, found: Classifier) -> Values:
    """The classifier's terms of rows (rows, K): (rows, terms). Times the weights, they are the scores."""
    product: Values = rows[:, found.first] * rows[:, found.second]
    return product


def related(found: Classifier, since: Values, fields: Fields) -> tuple[Related, ...]:
    """The relations that changed, the largest first. `since`: mean of every term since (terms,)."""
    names = [field.name for field in fields[:MOST]]
    width = len(names)
    parts = found.weights * (since - found.usual)
    whole = max(float(np.maximum(parts, 0).sum()), 1e-12)
    by_pair: dict[tuple[int, int], list[int]] = {}
    for term in np.argsort(-parts).tolist():
        pair = int(found.first[term]) % width, int(found.second[term]) % width
        by_pair.setdefault((min(pair), max(pair)), []).append(term)
    told = []
    for (one, other), of_pair in by_pair.items():
        loudest = of_pair[0]
        kind = "slope" if max(found.first[loudest], found.second[loudest]) < width else "curve"
        told.append(
            Related(
                (names[one], names[other]),
                kind,
                float(found.usual[loudest]),
                float(since[loudest]),
                float(parts[of_pair].sum()) / whole,
            )
        )
    return tuple(sorted(told, key=lambda relation: -relation.share))


def columns(found: tuple[Related, ...]) -> tuple[str, ...]:
    """The columns that matter: both of the one relation that changed, or the one whose relations to all
    others did; else those of the largest change."""
    share: dict[str, float] = {}
    for relation in found:
        for name in relation.columns:
            share[name] = share.get(name, 0.0) + relation.share
    matter = tuple(name for name in sorted(share, key=lambda name: -share[name]) if share[name] >= MATTERS)
    return matter or found[0].columns


def _slope_and_curve(field: ReferenceField) -> Values:
    """2 x bins of one field."""
    share = np.array(field.probabilities)
    table = np.zeros((2, len(share)))
    present = share[:-1]
    if present.sum() <= 0:
        return table
    present = present / present.sum()
    middle = np.clip(np.cumsum(present) - present / 2, END, 1 - END)
    score = np.vectorize(NormalDist().inv_cdf)(middle)
    slope = _standard(score, present)
    square = np.square(slope)
    table[0, :-1] = slope
    table[1, :-1] = _standard(square - (present @ (square * slope)) * slope, present)
    # Missing counts as usual, so that what is seldom there still has a variance near 1.
    return table


def _standard(values: Values, share: Values) -> Values:
    centred = values - share @ values
    variance = float(share @ np.square(centred))
    standard: Values = centred / np.sqrt(variance) if variance > 1e-6 else np.zeros_like(centred)
    return standard


def _look_up(tables: Values, codes: NDArray[np.integer]) -> Values:
    found: Values = np.concatenate((tables[0, codes], tables[1, codes]), axis=1)
    return found
