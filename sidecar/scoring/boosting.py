"""Additive models of binned rows, by boosting stumps. Numpy only.

A stump looks at one field and adds one of two numbers, so a sum of stumps is a table with a number for each
bin of each field, and a prediction is a few look-ups. Friedman, "Greedy function approximation: a gradient
boosting machine" (2001), with second-order steps.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
"""Each value's bin within its field, (rows, fields)."""

Floats = NDArray[np.float64]

WIDTH = 256
"""Bins of a field at most: the width of a table."""

ROUNDS = 60
"""Stumps. More would follow the rows that they're fitted on."""

RATE = 0.1
"""Share of each stump's best step that is taken."""

LEAF = 20.0
"""Rows without an error that are added to both sides of a stump: a few rows move little."""


def fit(
    rows: Codes,
    target: Floats,
    offset: Floats,
    loss: Literal["square", "logistic"],
    weight: Floats | None = None,
    rounds: int = ROUNDS,
) -> Floats:
    """The table (fields, WIDTH) that predicts `target` when it's added to `offset`: with `square` the target
    itself, with `logistic` the log odds of its being 1. `weight`: what each row counts for."""
    n, fields = rows.shape
    table = np.zeros((fields, WIDTH))
    if not n or not fields:
        return table
    places = (rows + np.arange(fields) * WIDTH).ravel()
    weights = np.ones(n) if weight is None else weight
    at = offset.astype(np.float64).copy()
    for _ in range(rounds):
        gradient, curvature = _steps(target, at, weights, loss)
        g, h = (_up_to(places, values, fields) for values in (gradient, curvature))
        ridge = LEAF * h[0, -1] / n
        left, right = g / (h + ridge), (g[:, -1:] - g) / (h[:, -1:] - h + ridge)
        gain = g * left + (g[:, -1:] - g) * right
        field, cut = np.unravel_index(int(gain.argmax()), gain.shape)
        low, high = RATE * left[field, cut], RATE * right[field, cut]
        table[field, : cut + 1] += low
        table[field, cut + 1 :] += high
        at += np.where(rows[:, field] <= cut, low, high)
    return table


def _steps(target: Floats, at: Floats, weight: Floats, loss: str) -> tuple[Floats, Floats]:
    """Gradient and curvature of each row's loss."""
    if loss == "square":
        return weight * (target - at), weight
    p = sigmoid(at)
    return weight * (target - p), weight * np.maximum(p * (1.0 - p), 1e-6)


def _up_to(places: NDArray[np.int64], values: Floats, fields: int) -> Floats:
    """Sums of `values` over the rows up to each bin of each field, (fields, WIDTH)."""
    sums = np.bincount(places, np.repeat(values, fields), fields * WIDTH)
    up_to: Floats = sums.reshape(fields, WIDTH).cumsum(axis=1)
    return up_to


def added(table: Floats, rows: Codes) -> Floats:
    """What a table adds for each row."""
    total: Floats = table[np.arange(rows.shape[1]), rows].sum(axis=1)
    return total


def sigmoid(x: Floats) -> Floats:
    """The probability with these log odds."""
    p: Floats = 1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0)))
    return p


def log_odds(p: Floats, least: float = 0.002) -> Floats:
    """Log odds of probabilities, none of them taken to be under `least` or as far from 1."""
    inside = np.clip(p, least, 1.0 - least)
    odds: Floats = np.log(inside / (1.0 - inside))
    return odds
