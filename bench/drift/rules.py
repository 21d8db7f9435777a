"""Rules in common use, worked out here for one window at a time: what each says, and what it promises.

The reference's columns are sorted once, so that a window costs a merge. The figures are SciPy's and, for
the default rule of Evidently's `DataDriftPreset`, its own; `bench.drift.peers` holds them to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

from sidecar.exchange import Matrix

FEW_VALUES = 5
"""Values of a column up to which Evidently compares their shares (Jensen-Shannon), and not distances."""

MOVED = 0.1
"""From this on Evidently says that a column drifted, whichever of the two it looks at."""


class Told(NamedTuple):
    """What rules look at in one window, for each column."""

    ks_p: Any
    psi: Any
    evidently: Any
    """Evidently's score."""


Rule = Callable[[Told], bool]

RULES: dict[str, tuple[str, Rule]] = {
    "Evidently's default, any column": ("none", lambda told: bool((told.evidently >= MOVED).any())),
    "Evidently's default, half of the columns": (
        "none",
        lambda told: bool((told.evidently >= MOVED).mean() >= 0.5),
    ),
    "KS, p < 0.05, any column": ("5 % per column", lambda told: bool((told.ks_p < 0.05).any())),
    "PSI > 0.1, any column": ("none", lambda told: bool((told.psi > 0.1).any())),
    "never": ("0", lambda told: False),
    "always": ("100 %", lambda told: True),
}
"""Rules for one window, with what each promises."""


class Reference:
    """What the rules compare windows with."""

    def __init__(self, rows: Matrix) -> None:
        self._sorted = np.sort(rows, axis=0)
        self._scale = np.maximum(rows.std(axis=0), 0.001)  # as Evidently does
        self._edges = [np.unique(np.quantile(column, np.arange(1, 10) / 10)) for column in rows.T]
        self._shares = [_binned(edges, x) for edges, x in zip(self._edges, rows.T, strict=True)]
        self._values = [_few(column) for column in rows.T]

    def compared(self, window: Matrix) -> Told:
        """Each column of a window."""
        gaps, distances = np.array(
            [_apart(before, now) for before, now in zip(self._sorted.T, window.T, strict=True)]
        ).T
        n, m = len(self._sorted), len(window)
        psi = [_psi(p, _binned(e, x)) for p, e, x in zip(self._shares, self._edges, window.T, strict=True)]
        score = [
            distance / scale if (shares := self._evidently_shares(i, window[:, i])) is None else shares
            for i, (distance, scale) in enumerate(zip(distances, self._scale, strict=True))
        ]
        p = stats.kstwo.sf(gaps, np.round(n * m / (n + m)))
        return Told(np.clip(p, 0.0, 1.0), np.array(psi), np.array(score))

    def _evidently_shares(self, column: int, now: Any) -> float | None:
        """Evidently's score of a column with few values; None when it has many."""
        before = self._values[column]
        if before is None or len(values := np.union1d(before, now)) > FEW_VALUES:
            return None
        shares = [
            (np.searchsorted(one, values, "right") - np.searchsorted(one, values, "left")) / len(one)
            for one in (self._sorted[:, column], np.sort(now))
        ]
        return float(jensenshannon(*shares))


def _apart(before: Any, now: Any) -> tuple[float, float]:
    """The Kolmogorov-Smirnov and the Wasserstein distance of a sorted sample and another one."""
    both = np.concatenate((before, np.sort(now)))
    order = np.argsort(both, kind="stable")
    both = both[order]
    up_to = np.cumsum(order < len(before))
    gap = np.abs(up_to / len(before) - (np.arange(1, len(both) + 1) - up_to) / len(now))
    steps = np.diff(both)
    # Between equal values there's no step, and the gap isn't the whole one yet.
    return float(gap[:-1][steps > 0].max(initial=0.0)), float((gap[:-1] * steps).sum())


def _few(column: Any) -> Any:
    """A column's values if they're few, else None."""
    values = np.unique(column)
    return values if len(values) <= FEW_VALUES else None


def _binned(edges: Any, column: Any) -> Any:
    counts = np.bincount(np.searchsorted(edges, column, side="right"), minlength=len(edges) + 1)
    return np.maximum(counts / len(column), 1e-4)


def _psi(p: Any, q: Any) -> float:
    """PSI as it's commonly worked out: in the reference's deciles, 0.0001 in place of an empty one."""
    return float(((q - p) * np.log(q / p)).sum())
