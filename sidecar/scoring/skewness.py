"""The sign of the skewness of a training column with one more value joined to it.

ECOD and COPOD choose a tail by this sign, and PyOD takes it of the training rows *and* the row that is being
scored. The third moment of the joined column is a cubic in the new value: three roots at the most, so the
line falls into a few stretches of known sign. Only within rounding error of a root can it not be told
beforehand; there, `joined_sign` repeats what `scipy.stats.skew` does, in the same order, to the last bit.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = NDArray[np.float64]
Stretch: TypeAlias = tuple[float, float]
"""From and to, both included."""

EVERYWHERE: tuple[Stretch, ...] = ((-math.inf, math.inf),)

_EPS = float(np.finfo(np.float64).eps)
_TINIEST = 1e-60
"""A spread below this underflows when it is cubed and squared on the way to a skewness."""
_LARGEST = 1e60
_SAFETY = 8.0
"""How much wider than the worst rounding error a doubtful stretch is made."""


def joined_sign(train: Column, x: float, *, only_column: bool) -> float:
    """-1.0, 0.0 or 1.0: the sign of `scipy.stats.skew` over the column `train` with `x` appended; 0 for NaN.

    Bit for bit what SciPy 1.17 computes for one column of a C-contiguous matrix. numpy adds up the rows of a
    matrix one by one, but a matrix of one column pairwise, hence `only_column`.
    """
    joined = np.append(train, x)
    n = joined.size
    with np.errstate(all="ignore"):
        mean = _total(joined, only_column) / n
        centred = joined - mean
        squared = centred**2
        m2 = _total(squared, only_column) / n
        m3 = _total(squared * centred, only_column) / n
        if m2 <= (_EPS * mean) ** 2:
            return 0.0
        sign = float(np.sign(m3 / m2**1.5))
    return 0.0 if math.isnan(sign) else sign


def _total(values: Column, pairwise: bool) -> np.float64:
    total: np.float64 = values.sum() if pairwise else values.cumsum()[-1]
    return total


class Cubic:
    """The third central moment (times n + 1) of a column with x joined to it.

    With n values of mean mu, S2 and S3 the sums of their centred squares and cubes, and d = x - mu:
    S3 - 3 d S2 / (n + 1) + d^3 n (n - 1) / (n + 1)^2.
    """

    def __init__(self, train: Column) -> None:
        self._n = n = train.size
        with np.errstate(all="ignore"):
            self.mean = float(train.mean())
            centred = train - self.mean
            self._s2 = float((centred**2).sum())
            self._s3 = float((centred**3).sum())
            self._s3_absolute = float((np.abs(centred) ** 3).sum())
            self._size = float(np.abs(train).sum())
            self.spread = math.sqrt(self._s2 / n)
        self._linear = -3.0 * self._s2 / (n + 1)
        self._cubed = n * (n - 1) / (n + 1) ** 2

    def __call__(self, x: Column) -> Column:
        d = x - self.mean
        with np.errstate(over="ignore", invalid="ignore"):
            moment: Column = self._s3 + d * (self._linear + self._cubed * d * d)
        return moment

    def doubtful(self) -> tuple[Stretch, ...]:
        """Where the sign of the computed skewness may differ from that of this cubic, in ascending order."""
        if self._n < 2 or not _TINIEST < self.spread < _LARGEST:
            return EVERYWHERE
        if self.spread <= 1e3 * _EPS * self._size:
            return EVERYWHERE  # nearly constant: the mean's own rounding error drowns the spread
        reach = self._reach()
        error = self._error(reach)
        turn = math.sqrt(-self._linear / (3.0 * self._cubed))
        corners = (self.mean - reach, self.mean - turn, self.mean + turn, self.mean + reach)
        stretches = (self._within(error, a, b) for a, b in pairwise(corners))
        return tuple(stretch for stretch in stretches if stretch is not None)

    def _reach(self) -> float:
        """Farther than this from the mean there is no root (Fujiwara's bound)."""
        return 2.0 * max(math.sqrt(-self._linear / self._cubed), math.cbrt(abs(self._s3) / self._cubed))

    def _error(self, reach: float) -> float:
        """More than the rounding error of SciPy's sum of cubes, and of this cubic, for |d| <= reach."""
        off_centre = 2.0 * _EPS * (self._size + abs(self.mean) + reach)
        from_centre = 3.0 * off_centre * (self._s2 + reach**2)
        from_summing = (self._n + 4) * _EPS * (self._s3_absolute + reach**3)
        return _SAFETY * (from_centre + from_summing)

    def _within(self, error: float, a: float, b: float) -> Stretch | None:
        """The part of [a, b], where the cubic is monotone, in which it lies within `error` of zero."""
        low, high = sorted((self._at(a), self._at(b)))
        if low > error or high < -error:
            return None
        ends = sorted((self._crossing(-error, a, b), self._crossing(error, a, b)))
        return ends[0], ends[1]

    def _crossing(self, level: float, a: float, b: float) -> float:
        """Where the cubic, monotone on [a, b], passes `level`; the nearer end if it does not."""
        rising = self._at(b) > self._at(a)
        while a < (middle := a + (b - a) / 2) < b:
            if (self._at(middle) < level) == rising:
                a = middle
            else:
                b = middle
        return a if rising == (level < 0) else b

    def _at(self, x: float) -> float:
        d = x - self.mean
        return self._s3 + d * (self._linear + self._cubed * d * d)
