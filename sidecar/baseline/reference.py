"""What each field of the reference is like, in the bins that windows of live traffic will be counted in.

Counterpart: `sidecar.scoring.bins`, which counts.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np

from sidecar.exchange import Matrix
from sidecar.features import Field, Schema
from sidecar.scoring.bins import Bins, ReferenceField
from sidecar.scoring.detector import Floats

BINS = 20
"""Bins of a number, each of about 5 % of the reference."""

CATEGORIES = 50
"""Categories with a bin of their own; the rarer ones share one."""


def describe(values: Matrix, schema: Schema) -> tuple[ReferenceField, ...]:
    """One `ReferenceField` for each column of `values`, (rows, fields), NaN where missing."""
    return tuple(_described(values[:, i], field) for i, field in enumerate(schema.fields))


def _described(values: Floats, field: Field) -> ReferenceField:
    edges, labels = _bins(values, field)
    bare = ReferenceField(field.name, field.kind, edges, (*labels, "missing"), (), values.size)
    counts = Bins((bare,)).counts(values[:, None])
    known = values[np.isfinite(values)]
    return msgspec.structs.replace(
        bare,
        probabilities=tuple((counts / values.size).tolist()),
        mean=float(known.mean()) if known.size else 0.0,
        std=float(known.std()) if known.size else 0.0,
        min=float(known.min()) if known.size else 0.0,
        max=float(known.max()) if known.size else 0.0,
    )


def _bins(values: Floats, field: Field) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Edges, and a label for each bin of values."""
    if field.kind == "boolean":
        return (0.5,), ("false", "true")
    if field.categories:
        own = field.categories[:CATEGORIES]
        rest = ("other",) if len(field.categories) > CATEGORIES else ()
        # Values are ranks, and a bin ends half-way to the next; what is new has the rank after the last.
        ends = [*range(1, len(own) + 1), *([len(field.categories)] if rest else [])]
        return tuple(end - 0.5 for end in ends), (*own, *rest, "new")
    if field.kind == "constant":
        only = field.fill
        return (only, _next(only)), (f"< {only:g}", f"{only:g}", f"> {only:g}")
    edges = _quantile_edges(values[np.isfinite(values)])
    inner = (f"{a:.6g}" if b == _next(a) else f"[{a:.6g}, {b:.6g})" for a, b in pairwise(edges))
    if not edges:
        return (), ("any",)
    return edges, (f"< {edges[0]:.6g}", *inner, f">= {edges[-1]:.6g}")


def _quantile_edges(known: Floats) -> tuple[float, ...]:
    """Edges of bins of about equal probability. A value that alone fills a bin has one of its own."""
    if not known.size:
        return ()
    quantiles = np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf")
    values, times = np.unique(quantiles, return_counts=True)
    edges = np.unique(np.concatenate((values, np.nextafter(values[times > 1], np.inf))))
    edges = edges[edges > known.min()]
    filled = np.diff(np.append(np.searchsorted(np.sort(known), edges), known.size)) > 0
    return tuple(edges[filled].tolist())


def _next(value: float) -> float:
    return float(np.nextafter(value, np.inf))
