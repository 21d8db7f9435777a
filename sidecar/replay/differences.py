"""Where two versions of a model answer differently: by group of rows, with intervals. Pure functions.

A group is all rows, those with one verdict, one model and version, one category, a quarter of a number's
values, or one cohort of flagged rows. A call stands for as many as its capture's weight says (Horvitz and
Thompson), and rows of one call aren't independent, so errors are those of totals by call (linearised ratio).
Many groups are looked at, so their intervals are wide enough to hold all together with 95 % (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.features.contrast import are_numbers, differs
from sidecar.replay.pairs import Pair

LEAST_CALLS = 10
"""Calls of a group that it is told of."""

TOGETHER = 0.05
"""Chance that any of all intervals misses."""

CATEGORIES = 20
"""Categories of one field that are groups, the most frequent first."""

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Table(NamedTuple):
    """All rows of all pairs. `call`: number of each row's call; `row`: its number in it."""

    call: NDArray[np.int64]
    row: NDArray[np.int64]
    weight: Values
    pairs: Sequence[Pair]


class Interval(msgspec.Struct, frozen=True):
    """A figure and what it may be."""

    value: float
    low: float
    high: float


class Difference(msgspec.Struct, frozen=True):
    """One output in one group. `mean`: candidate less captured, with both means; None for what is no
    number."""

    group: str
    output: str
    calls: int
    rows: int
    differing: Interval
    mean: Interval | None
    before: float | None
    now: float | None

    @property
    def is_sure(self) -> bool:
        """Whether chance alone can't be what makes the mean, or for labels the answers, differ."""
        if self.mean is not None:
            return self.mean.low > 0 or self.mean.high < 0
        return self.differing.low > 0


def table(pairs: Sequence[Pair]) -> Table:
    """The rows of all pairs, in their order."""
    lengths = [len(next(iter(one.before.values()))) for one in pairs]
    call = np.repeat(np.arange(len(pairs)), lengths)
    row = (
        np.concatenate([np.arange(length) for length in lengths]) if lengths else np.zeros(0, dtype=np.int64)
    )
    weight = np.array([one.call["weight"] or 1.0 for one in pairs], dtype=np.float64)[call]
    return Table(call, row, weight, pairs)


def differences(
    pairs: Sequence[Pair], tolerance: float, cohorts: Mapping[str, set[tuple[str, int]]] | None = None
) -> list[Difference]:
    """Every output in every group: all rows first, then the surest first. `cohorts`: name -> request ids and
    rows. Numbers that differ by less than `tolerance` of their size are equal."""
    rows = table(pairs)
    masks = [(name, mask) for name, mask in groups(rows, cohorts or {}) if _calls(rows, mask) >= LEAST_CALLS]
    outputs = list(dict.fromkeys(name for one in pairs for name in one.before))
    # Each has two intervals, of the share and of the mean.
    z = NormalDist().inv_cdf(1 - TOGETHER / 2 / max(1, 2 * len(masks) * len(outputs)))
    found = [
        one
        for output in outputs
        for name, mask in masks
        if (one := _difference(rows, name, mask, output, tolerance, z)) is not None
    ]
    return sorted(found, key=lambda one: (one.group != "all", -_surprise(one)))


def _surprise(one: Difference) -> float:
    """How many half-widths the difference is away from none."""
    told = one.mean or one.differing
    return abs(told.value) / max((told.high - told.low) / 2, 1e-12)


def groups(rows: Table, cohorts: Mapping[str, set[tuple[str, int]]]) -> Iterator[tuple[str, Mask]]:
    """Each group's name and rows."""
    yield "all", np.ones(len(rows.call), dtype=np.bool_)
    of_call = {
        "verdict": [str(one.call["verdict"]) for one in rows.pairs],
        "model": [f"{one.call['model']} {one.call['version']}".strip() for one in rows.pairs],
    }
    for kind, names in of_call.items():
        for name in dict.fromkeys(names):
            if len(set(names)) > 1:
                yield f"{kind} {name}", np.array([one == name for one in names])[rows.call]
    for name in dict.fromkeys(field for one in rows.pairs for field in one.call["features"] or {}):
        yield from _by_feature(rows, name)
    for name, members in cohorts.items():
        ids = [str(one.call["id"]) for one in rows.pairs]
        where = zip(rows.call.tolist(), rows.row.tolist(), strict=True)
        yield name, np.array([(ids[call], row) in members for call, row in where], dtype=np.bool_)


def _by_feature(rows: Table, name: str) -> Iterator[tuple[str, Mask]]:
    values = np.concatenate([_feature(one, name) for one in rows.pairs])
    if len(values) != len(rows.call):
        return
    labels = next((names for one in rows.pairs if (names := (one.call["categories"] or {}).get(name))), None)
    if missing := np.isnan(values).any():
        yield f"{name} missing", np.isnan(values)
    if labels:
        ranks, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        for rank in ranks[np.argsort(-counts)][:CATEGORIES].astype(int).tolist():
            yield f"{name} = {labels[rank] if rank < len(labels) else '(new)'}", values == rank
        return
    present = values[~np.isnan(values)]
    if not len(present) or (not missing and len(np.unique(present)) < 2):
        return
    edges = np.unique(np.quantile(present, (0.25, 0.5, 0.75)))
    bounds = [-math.inf, *edges.tolist(), math.inf]
    for low, high in pairwise(bounds):
        ends = [f"{low:.4g} <="] * (low > -math.inf), [f"< {high:.4g}"] * (high < math.inf)
        yield " ".join((*ends[0], name, *ends[1])), (values >= low) & (values < high)


def _feature(one: Pair, name: str) -> Values:
    """A feature of a call's rows; nothing where it has another number of them."""
    found = np.array((one.call["features"] or {}).get(name, ()), dtype=np.float64)
    rows = len(next(iter(one.before.values())))
    return found if len(found) == rows else np.full(rows, np.nan)


def _calls(rows: Table, mask: Mask) -> int:
    return len(np.unique(rows.call[mask]))


def _difference(
    rows: Table, name: str, mask: Mask, output: str, tolerance: float, z: float
) -> Difference | None:
    """One output in one group; None where the output isn't in all of its calls."""
    chosen = np.unique(rows.call[mask])
    sides = [
        [getattr(rows.pairs[i], side).get(output) for i in chosen.tolist()] for side in ("before", "now")
    ]
    if any(column is None for side in sides for column in side):
        return None
    inside = np.isin(rows.call, chosen)
    within = mask[inside]
    before, now = (np.concatenate(side)[within] for side in sides)
    call, weight = rows.call[mask], rows.weight[mask]
    mean: Interval | None = None
    means: list[float | None] = [None, None]
    changed = differs(before, now, tolerance)
    if are_numbers(before, now):
        before, now = before.astype(np.float64), now.astype(np.float64)
        change = np.where(changed, now - before, 0.0)
        both = np.isfinite(change)
        if both.any():
            mean = _mean(change[both], weight[both], call[both], z)
            means = [float(np.average(side[both], weights=weight[both])) for side in (before, now)]
    differing = _share(changed.astype(np.float64), weight, call, z)
    return Difference(name, output, len(chosen), int(mask.sum()), differing, mean, *means)


def _mean(values: Values, weight: Values, call: Values | NDArray[np.int64], z: float) -> Interval:
    """The weighted mean, its error that of totals by call."""
    total = weight.sum()
    mean = float(weight @ values / total)
    error = float(z * math.sqrt(_variance(values - mean, weight, call)) / total)
    return Interval(mean, mean - error, mean + error)


def _variance(residuals: Values, weight: Values, call: Any) -> float:
    _, of_call = np.unique(call, return_inverse=True)
    by_call = np.bincount(of_call, weights=weight * residuals)
    calls = len(by_call)
    return float(np.square(by_call).sum()) * calls / max(1, calls - 1)


def _share(differs: Values, weight: Values, call: Any, z: float) -> Interval:
    """A weighted share with the interval of Wilson (1927), for as many independent rows as would have this
    error; calls where all are alike."""
    total = float(weight.sum())
    share = float(weight @ differs / total)
    variance = _variance(differs - share, weight, call) / total**2
    rows = len(np.unique(call)) if variance <= 0 else max(1.0, share * (1 - share) / variance)
    part = z * z / rows
    middle = (share + part / 2) / (1 + part)
    spread = math.sqrt(share * (1 - share) * part + part * part / 4) / (1 + part)
    return Interval(share, max(0.0, middle - spread), min(1.0, middle + spread))
