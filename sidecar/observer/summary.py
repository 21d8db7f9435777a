"""Summary: what is remembered of rows, whatever their number. Verbs: `update / snapshot / merge`.

Counts in bins, exact moments and a bounded uniform sample, all of which merge without loss: the summary
of two sets of rows is the merge of their summaries. A summary is a frozen value, so it is its own
snapshot. Counterparts: `sidecar.scoring.bins`, which says where to count; `sidecar.observer.windows`,
which keeps a ring of summaries.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.scoring.bins import Bins, Counts

Vector = NDArray[np.float64]
"""One number for each field."""

Rows = NDArray[np.float64]
"""Rows x fields. Not `exchange.Matrix`: what is kept on disk must name its kind of array at run time."""


LARGEST = 1e140
"""Numbers from here on are as good as infinite: their squares don't add up, and one of them, which any caller
may send, would take the mean of all others along."""


def measurable(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values can be reckoned with: neither missing nor infinite, nor as good as that."""
    found: NDArray[np.bool_] = np.abs(values) < LARGEST
    return found


class Moments(msgspec.Struct, frozen=True):
    """Number, mean, sum of squared deviations, least and greatest of each field's `measurable` values.

    Merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979), which neither cancels nor depends on the order.
    """

    count: Vector
    mean: Vector
    m2: Vector
    low: Vector
    high: Vector

    @property
    def variance(self) -> Vector:
        """With n - 1 below; NaN for fewer than two values."""
        return np.divide(self.m2, self.count - 1, out=np.full_like(self.m2, np.nan), where=self.count > 1)

    def merge(self, other: Moments) -> Moments:
        """The moments of both sets of values."""
        count = self.count + other.count
        share = np.divide(other.count, count, out=np.zeros_like(count), where=count > 0)
        delta = other.mean - self.mean
        return Moments(
            count,
            self.mean + delta * share,
            self.m2 + other.m2 + delta * delta * self.count * share,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def no_moments(fields: int) -> Moments:
    """The moments of nothing."""
    zero = np.zeros(fields)
    return Moments(zero, zero, zero, np.full(fields, np.inf), np.full(fields, -np.inf))


def moments(values: Matrix) -> Moments:
    """The moments of `values` (rows x fields), of those that are `measurable`."""
    return moments_of_parts(values, [0])[0]


def moments_of_parts(values: Matrix, starts: Sequence[int]) -> list[Moments]:
    """The moments of each part of `values` (rows x fields), all at once; the parts begin at `starts`, which
    ascend from 0. What isn't `measurable` is left out."""
    rows, fields = values.shape
    if rows == 0:
        return [no_moments(fields)]
    lengths = np.diff([*starts, rows])
    finite = measurable(values)
    if finite.all():
        count = np.repeat(lengths[:, None].astype(np.float64), fields, axis=1)
        known, low, high = values, values, values
    else:
        count = np.add.reduceat(finite, starts, axis=0, dtype=np.float64)
        known = np.where(finite, values, 0.0)
        low, high = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    mean = np.add.reduceat(known, starts, axis=0) / np.maximum(count, 1.0)
    deviations = np.where(finite, values - np.repeat(mean, lengths, axis=0), 0.0)
    m2 = np.add.reduceat(np.square(deviations), starts, axis=0)
    parts = (count, mean, m2, np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts))
    return list(starmap(Moments, zip(*parts, strict=True)))


class Sample(msgspec.Struct, frozen=True):
    """A uniform sample without replacement: every row draws a key in [0, 1), the rows below `ceiling` stay.

    Bottom-k sampling (Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007): samples of
    different rows and even of different capacities merge into a uniform sample of all of them.
    """

    rows: Rows
    keys: Vector
    ceiling: float = 1.0

    def merge(self, other: Sample, capacity: int) -> Sample:
        """A uniform sample of both sets of rows, at most `capacity` of them."""
        ceiling = min(self.ceiling, other.ceiling)
        rows, keys = np.concatenate((self.rows, other.rows)), np.concatenate((self.keys, other.keys))
        return Sample(rows, keys, ceiling).trimmed(capacity)

    def trimmed(self, capacity: int) -> Sample:
        """The rows below the ceiling, and a lower ceiling where they are more than `capacity`."""
        ceiling = self.ceiling
        if len(self.keys) > capacity:
            ceiling = min(ceiling, float(np.partition(self.keys, capacity)[capacity]))
        elif ceiling == 1.0:
            return self
        kept = self.keys < ceiling
        return Sample(self.rows[kept], self.keys[kept], ceiling)


class Summary(msgspec.Struct, frozen=True):
    """What is remembered of some rows. Fields are the columns, in the order of the bins."""

    rows: int
    counts: Counts
    moments: Moments
    sample: Sample

    def merge(self, other: Summary, capacity: int) -> Summary:
        """The summary of both sets of rows, with at most `capacity` of them in the sample."""
        return Summary(
            self.rows + other.rows,
            self.counts + other.counts,
            self.moments.merge(other.moments),
            self.sample.merge(other.sample, capacity),
        )


def nothing(bins: Bins) -> Summary:
    """The summary of no rows."""
    fields = len(bins.slices)
    counts = np.zeros(bins.size, dtype=np.int64)
    return Summary(0, counts, no_moments(fields), Sample(np.empty((0, fields)), np.empty(0)))


def summarise(values: Matrix, bins: Bins, keys: Vector, capacity: int) -> Summary:
    """The summary of `values` (rows x fields); `keys` are the rows' draws for the sample."""
    return summarise_parts(values, bins, keys, [0], capacity)[0]


def summarise_parts(
    values: Matrix, bins: Bins, keys: Vector, starts: Sequence[int], capacity: int
) -> list[Summary]:
    """The summary of each part of `values` (rows x fields), in one pass over all of them: a call of NumPy
    costs more than a row. The parts begin at `starts`, which ascend from 0."""
    ends = [*starts[1:], len(values)]
    part = np.repeat(np.arange(len(starts)), np.diff([*starts, len(values)]))
    codes = bins.codes(values) + bins.size * part[:, None]
    counts = np.bincount(codes.ravel(), minlength=bins.size * len(starts)).reshape(len(starts), bins.size)
    found = moments_of_parts(values, starts)
    return [
        Summary(
            end - start, counts[i], found[i], Sample(values[start:end], keys[start:end]).trimmed(capacity)
        )
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def without_sample(parts: Sequence[Summary]) -> Summary:
    """The summary of all parts, of which there is at least one; its sample is empty."""
    stacked = (np.stack(rows) for rows in zip(*(_arrays(one.moments) for one in parts), strict=True))
    count, mean, m2, low, high = stacked
    total = count.sum(axis=0)
    middle = (count * mean).sum(axis=0) / np.maximum(total, 1.0)
    m2 = (m2 + count * np.square(mean - middle)).sum(axis=0)
    everything = Moments(total, middle, m2, low.min(axis=0), high.max(axis=0))
    counts = np.sum([one.counts for one in parts], axis=0)
    fields = len(middle)
    return Summary(
        sum(one.rows for one in parts), counts, everything, Sample(np.empty((0, fields)), np.empty(0), 0.0)
    )


def _arrays(found: Moments) -> tuple[Vector, ...]:
    return found.count, found.mean, found.m2, found.low, found.high
