"""The field's usual distances of a window from its reference, with intervals and p-values, for looking at.

All are worked out from counts in the reference's bins, so the counts of many pods give the same figures as
those of one. No alarm hangs on them: a p-value that is looked at again and again means nothing, and with
many features some are always small. Counterpart: `sidecar.observer.sequential`, on which alarms do hang.

An interval of 95 % comes from what these distances have in common: each is the largest difference between the
means that some function has under the two laws (the witness: a half-line for KS, a sign for total variation,
a Kantorovich potential for Wasserstein). So it's the interval of a difference of two means. Close to
distance 0 it is too wide rather than too narrow, because the witness is then itself chosen by chance.

NumPy only: SciPy, against which all of it is tested, would cost the observer 70 MB.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.observer.summary import measurable
from sidecar.scoring.bins import Counts, ReferenceField

Values = NDArray[np.float64]

Z = 1.959963984540054
"""Half the width of a 95 % interval, in standard deviations of a normal law."""


class Statistic(msgspec.Struct, frozen=True):
    """One statistic of one feature.

    `value` is as SciPy has it. `effect` doesn't grow with the number of rows; `low` and `high` are the ends
    of its interval, None where the field has none. `p` is of one look, None where there is no test.
    """

    value: float
    effect: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def compare(field: ReferenceField, counts: Counts, sample: Values) -> dict[str, Statistic]:
    """Every statistic that suits the field's kind; nothing without a reference or without rows.

    `counts`: rows of the window in each of the field's bins. `sample`: values of a uniform sample of these
    rows, shape (any,), NaN where missing; only its values beyond the reference's range are used.
    """
    reference = np.rint(np.array(field.probabilities) * field.rows)
    if not reference.sum() or not counts.sum():
        return {}
    found = counts.astype(np.float64)
    all_kinds = {
        "total_variation": total_variation(reference, found),
        "jensen_shannon": jensen_shannon(reference, found),
        "chi_square": chi_square(reference, found),
    }
    if field.kind != "number" or not reference[:-1].sum() or not found[:-1].sum():
        return all_kinds
    return {
        "kolmogorov_smirnov": kolmogorov_smirnov(reference[:-1], found[:-1]),
        "cramer_von_mises": cramer_von_mises(reference[:-1], found[:-1]),
        "wasserstein": wasserstein(field, reference[:-1], found[:-1], sample),
        **all_kinds,
    }


# -- for numbers: bins in their order, without the missing ones --------------------------------------


def kolmogorov_smirnov(reference: Values, found: Values) -> Statistic:
    """The largest difference of the cumulative shares at the bins' edges. p is the asymptotic one, and too
    large rather than too small, because rows in one bin are ties."""
    m, n = reference.sum(), found.sum()
    differences = np.cumsum(found) / n - np.cumsum(reference) / m
    at = int(np.abs(differences).argmax())
    distance = float(abs(differences[at]))
    witness = np.sign(differences[at]) * (np.arange(len(found)) <= at)
    low, high = _interval(distance, witness, reference / m, found / n, m, n)
    return Statistic(distance, distance, low, high, kolmogorov_tail(math.sqrt(m * n / (m + n)) * distance))


def cramer_von_mises(reference: Values, found: Values) -> Statistic:
    """The two-sample criterion T with mid-ranks (Anderson 1962). The effect is the mean squared difference of
    the cumulative shares, over the rows of both."""
    m, n = reference.sum(), found.sum()
    both = reference + found
    before = np.cumsum(both) - both
    middle = before + (both + 1) / 2
    u = m * _squared_ranks(reference, middle) + n * _squared_ranks(found, middle)
    t = u / (m * n * (m + n)) - (4 * m * n - 1) / (6 * (m + n))
    mean = (1 + 1 / (m + n)) / 6
    variance = (m + n + 1) * (4 * m * n * (m + n) - 3 * (m * m + n * n) - 2 * m * n)
    variance /= 45 * (m + n) ** 2 * 4 * m * n
    p = cramer_von_mises_tail(1 / 6 + (t - mean) / math.sqrt(45 * variance)) if variance > 0 else 1.0
    squares = (np.cumsum(found) / n - np.cumsum(reference) / m) ** 2
    return Statistic(float(t), float(squares @ both / (m + n)), p=p)


def _squared_ranks(counts: Values, middle: Values) -> float:
    """Sum over one sample's rows of (rank among all - rank within the sample) squared, ties at mid-rank."""
    first = np.cumsum(counts) - counts + 1
    # Own ranks in a bin are first, first + 1, ...: squares around their mean, and of its distance.
    own = first + (counts - 1) / 2
    return float((counts * (middle - own) ** 2 + counts * (counts**2 - 1) / 12).sum())


def wasserstein(field: ReferenceField, reference: Values, found: Values, sample: Values) -> Statistic:
    """The first Wasserstein distance, in the feature's unit; the effect in deviations of the reference.

    Each bin stands at one place inside it; what lies beyond the reference's range stands where it is.
    So it's right to the width of the bins: a tenth of the distance for a skewed law.
    """
    beyond, rows = _beyond(field, found, sample)
    points = np.concatenate((_middles(field, reference / reference.sum()), *beyond))
    inside = found.copy()
    inside[[0, -1]] -= rows
    each = [np.full(len(places), moved / len(places)) for places, moved in zip(beyond, rows, strict=True)]
    p = np.concatenate((reference / reference.sum(), np.zeros(len(points) - len(reference))))
    q = np.concatenate((inside, *each)) / found.sum()
    order = np.argsort(points, kind="stable")
    points, p, q = points[order], p[order], q[order]
    gaps, ahead = np.diff(points), np.cumsum(q - p)[:-1]
    distance = float(np.abs(ahead) @ gaps)
    potential = np.concatenate(((0.0,), np.cumsum(-np.sign(ahead) * gaps)))
    low, high = _interval(distance, potential, p, q, reference.sum(), found.sum())
    unit = field.std or 1.0
    return Statistic(distance, distance / unit, low / unit, high / unit)


def _middles(field: ReferenceField, share: Values) -> Values:
    """A place for each bin, within the reference's range: its middle, but the widest bin (a long tail) stands
    where it makes the mean of all the reference's."""
    ends = np.clip((field.min, *field.edges, field.max), field.min, field.max)
    middles: Values = (ends[:-1] + ends[1:]) / 2
    widest = int(np.where(share > 0, np.diff(ends), -1.0).argmax())
    rest = float(middles @ share - middles[widest] * share[widest])
    middles[widest] = np.clip((field.mean - rest) / share[widest], ends[widest], ends[widest + 1])
    return middles


def _beyond(
    field: ReferenceField, found: Values, sample: Values
) -> tuple[tuple[Values, Values], tuple[float, float]]:
    """Where the rows below and above the range stand, and how many of the first and last bin's they are."""
    seen = sample[measurable(sample)]
    below, above = seen[seen < field.min], seen[seen > field.max]
    share = found.sum() / max(1, len(seen))
    # A bin that lies beyond the range altogether is counted exactly; of another the sample tells the share.
    low = found[0] if field.edges and field.edges[0] <= field.min else min(found[0], share * len(below))
    high = found[-1] if field.edges and field.edges[-1] > field.max else min(found[-1], share * len(above))
    return (_or(below, field.min), _or(above, field.max)), (float(low), float(high))


def _or(values: Values, end: float) -> Values:
    """The values; the end of the range when there are none, because they are few, or all infinite."""
    return values if len(values) else np.full(1, end)


# -- for all kinds: bins in any order, the missing ones too ------------------------------------------


def total_variation(reference: Values, found: Values) -> Statistic:
    """The share of rows that went to other bins."""
    m, n = reference.sum(), found.sum()
    p, q = reference / m, found / n
    distance = float(np.abs(q - p).sum() / 2)
    return Statistic(distance, distance, *_interval(distance, np.sign(q - p) / 2, p, q, m, n))


def jensen_shannon(reference: Values, found: Values) -> Statistic:
    """The distance, which is the root of the divergence, in base 2: from 0 to 1."""
    m, n = reference.sum(), found.sum()
    p, q = reference / m, found / n
    middle = (p + q) / 2
    of_p, of_q = _log2(p, middle), _log2(q, middle)
    divergence = max(0.0, float(p @ of_p + q @ of_q) / 2)
    error = Z * math.sqrt(_variance(of_p / 2, p) / m + _variance(of_q / 2, q) / n)
    # Chance alone adds this much on average (half a chi-square for each bin but one).
    centre = divergence - (np.count_nonzero(middle) - 1) * (1 / m + 1 / n) / (8 * math.log(2))
    low, high = math.sqrt(max(0.0, centre - error)), math.sqrt(min(1.0, max(0.0, centre) + error))
    return Statistic(math.sqrt(divergence), math.sqrt(divergence), low, high)


def chi_square(reference: Values, found: Values) -> Statistic:
    """Pearson's test of homogeneity, without a correction; the effect is Cramer's V, from 0 to 1."""
    filled = reference + found > 0
    table = np.array((reference[filled], found[filled]))
    rows = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / rows
    value = float((np.square(table - expected) / expected).sum())
    degrees = int(filled.sum()) - 1
    p = gamma_tail(degrees / 2, value / 2) if degrees else 1.0
    return Statistic(value, math.sqrt(value / rows), p=p)


def psi(field: ReferenceField, counts: Counts) -> float:
    """Population stability index, for display: people know it, but it alarms on noise. Half a row is added to
    every bin, so that an empty one doesn't make it infinite."""
    expected = np.array(field.probabilities) * field.rows + 0.5
    found = counts + 0.5
    p, q = expected / expected.sum(), found / found.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def _log2(p: Values, middle: Values) -> Values:
    return np.log2(p / np.where(p > 0, middle, 1.0), out=np.zeros_like(p), where=p > 0)


def _interval(
    distance: float, witness: Values, p: Values, q: Values, m: float, n: float
) -> tuple[float, float]:
    """The interval of a distance: the witness's mean under q (n rows) less that under p (m rows)."""
    error = Z * math.sqrt(_variance(witness, p) / m + _variance(witness, q) / n)
    return max(0.0, distance - error), distance + error


def _variance(values: Values, share: Values) -> float:
    mean = float(values @ share)
    return max(0.0, float(np.square(values - mean) @ share))


# -- laws ----------------------------------------------------------------------------------------------


def kolmogorov_tail(x: float) -> float:
    """P(K > x) of the Kolmogorov law."""
    if x < 0.2:
        return 1.0  # to 1e-12, where the series below would need many terms
    k = np.arange(1, 101)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * np.square(k * x))), 0.0, 1.0))


def cramer_von_mises_tail(x: float) -> float:
    """P(W2 > x) of the limit law of Cramer and von Mises (Csorgo and Faraway 1996, equation 1.3)."""
    if x <= 0.0:
        return 1.0
    total, weight = 0.0, math.pi  # gamma(k + 1/2) gamma(1/2) / gamma(k + 1), from k = 0 on
    for k in range(20):
        y = (4 * k + 1) ** 2 / (16 * x)
        total += weight * math.sqrt(4 * k + 1) * _bessel_quarter(y)
        weight *= (k + 0.5) / (k + 1)
    return min(1.0, max(0.0, 1.0 - total / (math.pi**2 * math.sqrt(x))))


_STEP = 0.01
_T = np.arange(0.0, 12.0, _STEP)


def _bessel_quarter(y: float) -> float:
    """exp(-y) K(y), the modified Bessel function of order 1/4, by its integral over cosh."""
    terms = np.exp(-y * (1.0 + np.cosh(_T))) * np.cosh(_T / 4)
    return float(terms.sum() - terms[0] / 2) * _STEP


def gamma_tail(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x): the chi-square law's tail is Q(df/2, x/2).

    A series below a + 1, a continued fraction above (Abramowitz and Stegun 6.5.29, 6.5.31)."""
    if x <= 0.0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for i in range(1, 10_000):
            term *= x / (a + i)
            total += term
            if term < total * 1e-16:
                break
        return min(1.0, max(0.0, 1.0 - total * scale))
    fraction = 0.0
    for i in range(300, 0, -1):
        fraction = i * (i - a) / (x + 2 * i + 1 - a - fraction)
    return scale / (x + 1 - a - fraction)
