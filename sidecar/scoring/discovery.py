"""Which rows of one call are flagged when it has many: Benjamini and Hochberg's rule.

A row is flagged when its p is at most the threshold, so of 100 clean rows one is. Where calls are batches and
each flagged row costs somebody's time, the threshold can be the share of false ones *among the flagged*
instead: with m rows and p-values in ascending order, all up to the largest k with p(k) <= k t / m are
flagged. A call of clean rows only then has a flagged one with probability t at most, and a call of one row is
judged as before.

This holds for the p-values here although all are counted from the same held-out rows: they are positively
regression dependent on each true null (PRDS), for which the rule keeps its level (Benjamini and Yekutieli
2001).

Sources: Benjamini and Hochberg 1995, "Controlling the false discovery rate", JRSS B 57(1); Bates, Candes,
Lei, Romano and Sesia 2023, "Testing for outliers with conformal p-values", theorem 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def cutoff(p: Sequence[float], level: float) -> float:
    """Rows with a p of at most this are flagged; below 0 when none is. NaN is no row."""
    known = sorted(value for value in p if not math.isnan(value))
    rows = len(known)
    for rank in range(rows, 0, -1):
        if known[rank - 1] * rows <= rank * level:
            return known[rank - 1]
    return -1.0
