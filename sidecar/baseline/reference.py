"""What each field of the reference is like, in the bins that windows of live traffic will be counted in.

Counterpart: `sidecar.scoring.bins`, which counts.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np

from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.features import Field, Schema
from sidecar.scoring.bins import Bins, ReferenceField
from sidecar.scoring.detector import Floats

BINS = 20
"""Bins of a number within the reference's range, each of about 5 % of it; beyond its ends are two more."""

CATEGORIES = 50
"""Categories with a bin of their own; the rarer ones share one."""


def describe(values: Matrix, schema: Schema) -> tuple[ReferenceField, ...]:
    """One `ReferenceField` for each column of `values`, (rows, fields), NaN where missing. Raises DataError
    for a column whose numbers are too large to be described."""
    return tuple(_described(values[:, i], field) for i, field in enumerate(schema.fields))


def _described(values: Floats, field: Field) -> ReferenceField:
    with np.errstate(over="ignore"):
        edges, labels = _bins(values, field)
    bare = ReferenceField(field.name, field.kind, edges, (*labels, "missing"), (), values.size)
    counts = Bins((bare,)).counts(values[:, None])
    known = values[np.isfinite(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = (float(known.mean()), float(known.std())) if known.size else (0.0, 0.0)
    if not np.isfinite([mean, std, *edges]).all():
        raise DataError(
            f"column {field.name!r}: {np.abs(known).max():.3g} is so large that the column has no spread in"
            " float64; leave it out, or what is missing empty"
        )
    return msgspec.structs.replace(
        bare,
        probabilities=tuple((counts / values.size).tolist()),
        mean=mean,
        std=std,
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
    if not edges:
        return (), ("any",)
    *inner, (low, end) = pairwise(edges)
    last = f"{low:.6g}" if end == _next(low) else f"[{low:.6g}, {_before(end):.6g}]"
    return edges, (f"< {edges[0]:.6g}", *map(_label, inner), last, f"> {_before(end):.6g}")


def _label(pair: tuple[float, float]) -> str:
    low, end = pair
    return f"{low:.6g}" if end == _next(low) else f"[{low:.6g}, {end:.6g})"


def _quantile_edges(known: Floats) -> tuple[float, ...]:
    """Edges of bins of about equal probability. A value that alone fills a bin has one of its own.

    The first edge is the least value and the last one is just above the greatest, so what lies beyond the
    range is in bins that the reference never filled: a few rows in them say more than many elsewhere.
    """
    if not known.size:
        return ()
    quantiles = np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf")
    values, times = np.unique(quantiles, return_counts=True)
    end = _next(float(known.max()))
    candidates = np.concatenate((known.min(keepdims=True), values, np.nextafter(values[times > 1], np.inf)))
    edges = np.unique(candidates[candidates < end])
    filled = np.diff(np.append(np.searchsorted(np.sort(known), edges), known.size)) > 0
    return (*edges[filled].tolist(), end)


def _next(value: float) -> float:
    return float(np.nextafter(value, np.inf))


def _before(value: float) -> float:
    return float(np.nextafter(value, -np.inf))
