"""The mathematics of concept drift: whether the truth of rows is still what their context says.

Rows fall into contexts of about equal expectation (`sidecar.scoring.expectation`). Given its context, a row's
truth had certain odds in the reference. Two stories about a stretch of rows:

* as before: in each context the odds are those of the reference, which are known from m rows only, so they
have the law Dirichlet(m_k + 1/2), all contexts together capped at `sequential.TOLERANCE` rows;
* moved: a mixture over what concept drifts look like. A share of the labels goes to other classes; one class
  becomes likelier everywhere; predictions become surer or less sure than they say; errors of quantities
  shift or spread; something near the reference; anything at all in each context.

The ratio of the probabilities that both gave to the rows is an e-process, so everything that
`sidecar.observer.sequential` says of its alarms holds, with its threshold. Contexts come as they like: how
many rows are in each is no evidence, so inputs that move are none either, unless they move to where the
same expectation means something else. An error that rises because there are more hard questions is expected
to.
"""

from __future__ import annotations

import numpy as np

from sidecar.observer.sequential import SHIFTS, SPREADS, TOLERANCE, Values, log_gamma, scored
from sidecar.scoring.bins import Counts
from sidecar.scoring.expectation import Expectation

SWAPS = (0.05, 0.1, 0.2, 0.4)
"""Shares of labels that go to other classes."""

ODDS = (-1.2, -0.6, -0.3, 0.3, 0.6, 1.2)
"""What is added to the log odds of one class in all contexts."""

SURENESS = (0.5, 0.7, 1.4)
"""What the log odds are multiplied by."""

NEAR = (20.0, 150.0)
"""Concentrations, for each context, of the alternatives that lie around the reference."""

WEIGHTS = (0.1, 0.1, 0.4, 0.4)
"""Of the kinds of alternative: anything, near, and two kinds with a direction, of which the first is swapped
labels or shifted errors. They add up to 1."""


class Concept:
    """The question whether the truth is still what its context says. A `sequential.Question`: its only
    subject is the prediction, counts are contexts x outcomes in one row."""

    def __init__(self, name: str, known: Expectation) -> None:
        self.names: tuple[str, ...] = (name,)
        self.size = known.counts.size
        self._shape = known.counts.shape
        weight = known.counts + 0.5
        self._usual: Values = weight / weight.sum(axis=1, keepdims=True)
        before = weight * min(1.0, TOLERANCE / weight.sum())
        near = np.multiply.outer(NEAR, self._usual)
        self._dirichlets = np.concatenate((before[None], near, np.full_like(weight, 0.5)[None]))
        one, other = _errors(self._usual) if known.kind == "regression" else _classes(self._usual)
        self._directed: Values = np.log(np.concatenate((one, other)))
        counts = (1, len(NEAR), len(one), len(other))
        self._prior = np.repeat(np.log(np.array(WEIGHTS) / counts), counts)
        # Contexts in which another outcome is usual are told apart, lest what one gains another loses.
        self._group = self._usual.argmax(axis=1) if known.kind != "regression" else np.zeros(len(weight), int)

    def table(self, counts: Counts) -> Counts:
        """Counts as a table: (..., 1, contexts x outcomes)."""
        return counts[..., None, :]

    def evidence(self, rows: Counts) -> Values:
        """Log e-value of every start, (starts, 1)."""
        found = rows.reshape(-1, *self._shape).astype(np.float64)
        nothing_moved, *others = (self._dirichlet(found, weight) for weight in self._dirichlets)
        directed = np.einsum("sck,tck->ts", found, self._directed)
        stories = np.concatenate((np.array([others[-1], *others[:-1]]), directed))
        moved: Values = np.logaddexp.reduce(stories + self._prior[:, None], axis=0) - nothing_moved
        return moved[:, None]

    def effect(self, rows: Counts) -> Values:
        """Share of rows whose truth went elsewhere, beyond what the contexts explain; (..., 1)."""
        found = rows.reshape(*rows.shape[:-1], *self._shape)
        gap = found - found.sum(axis=-1, keepdims=True) * self._usual
        groups = np.eye(self._usual.shape[1] if self._group.any() else 1)[self._group]
        together = np.einsum("...ck,cg->...gk", gap, groups)
        total = np.maximum(rows.sum(axis=-1), 1)
        effect: Values = 0.5 * np.abs(together).sum(axis=(-2, -1)) / total
        return effect

    def before(self, feature: int, since: Counts) -> Values:
        """What probability each cell had, the contexts being what they are in `since`."""
        rows = since.reshape(self._shape).sum(axis=1, keepdims=True)
        usual: Values = (rows / max(1, rows.sum()) * self._usual).ravel()
        return usual

    @staticmethod
    def _dirichlet(rows: Values, weight: Values) -> Values:
        """Log probability of rows (starts, contexts, outcomes) under one law for each context."""
        total = weight.sum(axis=-1)
        each = log_gamma(weight + rows).sum(axis=-1) - log_gamma(total + rows.sum(axis=-1))
        whole: Values = each.sum(axis=-1) + (log_gamma(total) - log_gamma(weight).sum(axis=-1)).sum()
        return whole


def _classes(usual: Values) -> tuple[Values, Values]:
    """Probabilities of the classes in each context under each alternative with a direction: labels go to
    other classes; a class gets likelier, predictions surer."""
    classes = usual.shape[1]
    swapped = [(1 - share) * usual + share * (1 - usual) / (classes - 1) for share in SWAPS]
    likelier = [_raised(usual, k, size) for k in range(classes) for size in ODDS]
    log = np.log(usual)
    surer = [_shares(np.exp(size * (log - log.mean(axis=1, keepdims=True)))) for size in SURENESS]
    return np.array(swapped), np.array([*likelier, *surer])


def _errors(usual: Values) -> tuple[Values, Values]:
    """Probabilities of bins of errors, which have an order: shifted, and spread."""
    score = scored(usual.mean(axis=0))
    shifted = [_shares(usual * np.exp(size * score)) for size in SHIFTS]
    spread = [_shares(usual * np.exp(size * (score**2 - 1))) for size in SPREADS]
    return np.array(shifted), np.array(spread)


def _raised(usual: Values, outcome: int, size: float) -> Values:
    raised = usual.copy()
    raised[:, outcome] *= np.exp(size)
    return _shares(raised)


def _shares(weights: Values) -> Values:
    shares: Values = weights / weights.sum(axis=1, keepdims=True)
    return shares
