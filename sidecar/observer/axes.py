"""Axes for what has no training reference: answers and calls get their bins here.

They are described as the fields of a reference are (`sidecar.scoring.bins`), so that inputs, answers and
calls are counted, kept and shown by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, starmap

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.observer.summary import measurable
from sidecar.scoring.bins import Bins, ReferenceField

Fields = tuple[ReferenceField, ...]
"""The columns of a matrix, with their bins."""

Vector = NDArray[np.float64]


def undivided(name: str) -> ReferenceField:
    """A number with a single bin, and one for missing values."""
    return ReferenceField(name, "number", (), ("any", "missing"), (), 0)


def measured(name: str, bounds: Sequence[float]) -> ReferenceField:
    """A number with a bin up to and including each bound, as Prometheus has them, and one above."""
    labels = (*(f"<={bound:.6g}" for bound in bounds), f">{bounds[-1]:.6g}", "missing")
    # Bins hold what is less than their edge: the next number after a bound lets the bound in.
    edges = tuple(np.nextafter(bounds, np.inf).tolist())
    return ReferenceField(name, "number", edges, labels, (), 0)


def category(name: str, texts: Sequence[str]) -> ReferenceField:
    """A category whose values are the ranks of `texts`; any other rank is new."""
    edges = tuple(rank + 0.5 for rank in range(len(texts)))
    return ReferenceField(name, "category", edges, (*texts, "new", "missing"), (), 0)


def by_quantiles(name: str, values: Vector, bins: int = 10) -> ReferenceField:
    """A number whose bins hold about equal shares of `values`, shape (rows,), which are its reference.

    A value that fills a bin alone has one of its own, so that a move to either side of a constant, a class
    number or a bound is seen. Without any value there is a single bin.
    """
    found = values[~np.isnan(values)]
    if not len(found):
        return as_reference(undivided(name), values)
    quantiles = np.quantile(found, np.arange(1, bins) / bins, method="higher")
    starts, times = np.unique(quantiles, return_counts=True)
    edges = np.unique(np.concatenate((starts, np.nextafter(starts[times > 1], np.inf)))).tolist()
    labels = (f"< {edges[0]:.6g}", *starmap(_label, pairwise(edges)), f">= {edges[-1]:.6g}", "missing")
    return as_reference(ReferenceField(name, "number", tuple(edges), labels, (), 0), values)


def _label(low: float, high: float) -> str:
    return f"{low:.6g}" if high == np.nextafter(low, np.inf) else f"[{low:.6g}, {high:.6g})"


def as_reference(field: ReferenceField, values: Vector) -> ReferenceField:
    """The field with the shares and statistics of `values`, shape (rows,), as its reference."""
    counts = Bins((field,)).counts(values[:, None])
    found = values[measurable(values)]
    return msgspec.structs.replace(
        field,
        probabilities=tuple((counts / max(1, len(values))).tolist()),
        rows=len(values),
        mean=float(found.mean()) if len(found) else 0.0,
        std=float(found.std()) if len(found) else 0.0,
        min=float(found.min()) if len(found) else 0.0,
        max=float(found.max()) if len(found) else 0.0,
    )


def distinct(labels: Sequence[str]) -> list[str]:
    """The labels, told apart by a number where two are the same: a category may be called "missing", and
    edges may agree in all digits shown."""
    times: dict[str, int] = {}
    told: list[str] = []
    for label in labels:
        times[label] = times.get(label, 0) + 1
        told.append(label if times[label] == 1 else f"{label} #{times[label]}")
    return told
