"""Generated chains of models with a known fault: what `bench.cascade` is scored on.

Models are small random networks with noise. Each takes the answers of the one before it and one or two
columns of its own from outside; the first takes only columns from outside. Pure: a seed gives the same
episode.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Fault = Literal["shift", "weights", "swapped", "new-version"]
FAULTS: tuple[Fault, ...] = ("shift", "weights", "swapped", "new-version")
Column = Literal["fault only", "fault and upstream drift", "drift only"]
COLUMNS: tuple[Column, ...] = ("fault only", "fault and upstream drift", "drift only")

BEFORE, AFTER = 1000, 500
"""Calls before and after the new version, or after the outside world has changed."""

HIDDEN = 8


class Network(NamedTuple):
    """One model: tanh of weighted sums, weighted again, plus noise of a share of the answers' spread."""

    first: Matrix
    bias: Matrix
    second: Matrix
    noise: Matrix
    shift: Matrix
    order: tuple[int, ...]

    def answer(self, asked: Matrix, random: Generator) -> Matrix:
        """(rows, answers)."""
        plain = np.tanh(asked @ self.first + self.bias) @ self.second
        noisy: Matrix = plain + self.noise * random.normal(size=plain.shape) + self.shift
        return noisy[:, self.order]


class Stage(NamedTuple):
    """What one model was asked and answered, in order of time, (calls, columns)."""

    asked: Matrix
    answered: Matrix


class Episode(NamedTuple):
    """A chain's life. `origin` is the index of the model with the fault, None when only the world changed."""

    stages: tuple[Stage, ...]
    origin: int | None
    fault: Fault | None
    column: Column


def episode(seed: int, column: Column) -> Episode:
    """One chain with 3 to 8 models, asked `BEFORE + AFTER` times."""
    random = np.random.default_rng((seed, COLUMNS.index(column)))
    count = int(random.integers(3, 9))
    outside = [int(random.integers(4, 7)), *random.integers(1, 3, size=count - 1).tolist()]
    widths = random.integers(2, 5, size=count).tolist()
    takes = [outside[0], *(a + b for a, b in zip(widths, outside[1:], strict=False))]
    models = [_network(random, *shape) for shape in zip(takes, widths, strict=True)]
    drifts = column != "fault only"
    origin = None if column == "drift only" else int(random.integers(count))
    fault = None if origin is None else FAULTS[int(random.integers(len(FAULTS)))]
    begins = BEFORE - (int(random.integers(0, 200)) if drifts and origin is not None else 0)
    stages: list[Stage] = []
    for i, model in enumerate(models):
        own = random.normal(size=(BEFORE + AFTER, outside[i]))
        if drifts and i == 0:
            own[begins:] = _drifted(own[begins:], random)
        asked = np.hstack([stages[-1].answered, own]) if stages else own
        answered = model.answer(asked, random)
        if i == origin and fault is not None:
            broken = _broken(model, fault, answered[:BEFORE].std(axis=0), random)
            answered[BEFORE:] = broken.answer(asked[BEFORE:], random)
        stages.append(Stage(asked, answered))
    return Episode(tuple(stages), origin, fault, column)


def _network(random: Generator, takes: int, gives: int) -> Network:
    first = 1.2 * random.normal(size=(takes, HIDDEN)) / np.sqrt(takes)
    second = 1.5 * random.normal(size=(HIDDEN, gives)) / np.sqrt(HIDDEN)
    bias = 0.5 * random.normal(size=HIDDEN)
    typical = np.tanh(random.normal(size=(200, takes)) @ first + bias) @ second
    noise = random.uniform(0.1, 0.3) * typical.std(axis=0)
    return Network(first, bias, second, noise, np.zeros(gives), tuple(range(gives)))


def _drifted(own: Matrix, random: Generator) -> Matrix:
    """The outside world after a change: up to three columns move by half to two standard deviations, and
    widen or narrow."""
    drifted = own.copy()
    for column in random.choice(own.shape[1], size=int(random.integers(1, 4)), replace=False):
        drifted[:, column] *= random.uniform(0.8, 1.3)
        drifted[:, column] += random.choice((-1.0, 1.0)) * random.uniform(0.5, 2.0)
    return drifted


def _broken(model: Network, fault: Fault, spread: Matrix, random: Generator) -> Network:
    if fault == "shift":
        moved = np.zeros_like(spread)
        moved[int(random.integers(len(spread)))] = random.choice((-1.0, 1.0)) * random.uniform(0.3, 1.2)
        return model._replace(shift=moved * spread)
    if fault == "weights":
        return model._replace(first=model.first * (1.0 + 0.4 * random.normal(size=model.first.shape)))
    if fault == "swapped":
        order = list(model.order)
        a, b = random.choice(len(order), size=2, replace=False).tolist()
        order[a], order[b] = order[b], order[a]
        return model._replace(order=tuple(order))
    # Trained again on other data: near the old one, and nowhere the same.
    other = _network(random, *model.first.shape[:1], model.second.shape[1])
    return model._replace(
        first=0.92 * model.first + 0.4 * other.first, second=0.92 * model.second + 0.4 * other.second
    )
