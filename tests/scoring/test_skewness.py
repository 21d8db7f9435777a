"""The sign of a joined column's skewness: SciPy's to the last bit, or known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skew

from sidecar.baseline.fitting import quiet
from sidecar.scoring.skewness import EVERYWHERE, Cubic, joined_sign


def scipys(matrix: np.ndarray) -> list[float]:
    with quiet():
        return np.sign(np.nan_to_num(skew(matrix, axis=0))).tolist()


@pytest.mark.parametrize("columns", [1, 2, 3, 20])
@pytest.mark.parametrize("centre", [0.0, 10.0, 0.1, 1e6])
def test_sign_is_scipys_where_rounding_decides(columns, centre):
    """Small integers around a centre are symmetric so often that the last bit decides again and again."""
    rng = np.random.default_rng(columns)
    signs = set()
    for rows in (3, 10, 101, 1000):
        joined = np.ascontiguousarray(rng.integers(-2, 3, (rows, columns)) + centre)
        ours = [joined_sign(column[:-1], column[-1], only_column=columns == 1) for column in joined.T]
        assert ours == scipys(joined)
        signs |= set(ours)
    assert len(signs) >= 2


@pytest.mark.parametrize("constant", [0.1, 1.0, -3.0])
def test_sign_of_a_constant_column_is_scipys(constant):
    train = np.full(50, constant)
    for x in (constant, np.nextafter(constant, 9.0), np.nextafter(constant, -9.0), 0.2, -5.0, 1e200):
        assert [joined_sign(train, x, only_column=True)] == scipys(np.append(train, x)[:, None])


def test_cubic_is_the_third_moment_of_the_joined_column():
    train = np.random.default_rng(0).gamma(2.0, size=60)
    for x in (-3.0, 0.0, 1.7, 40.0):
        joined = np.append(train, x)
        moment = ((joined - joined.mean()) ** 3).sum()
        assert Cubic(train)(np.array([x]))[0] == pytest.approx(moment, rel=1e-9)


columns = st.lists(
    st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6, allow_subnormal=False)),
    min_size=2,
    max_size=40,
).map(np.array)


@settings(max_examples=200, deadline=None)
@given(columns, st.floats(-1e7, 1e7))
def test_outside_the_doubtful_stretches_the_cubic_has_the_sign(train, x):
    cubic = Cubic(train)
    stretches = cubic.doubtful()
    if any(start <= x <= stop for start, stop in stretches):
        return
    pair = np.column_stack((np.append(train, x), np.append(train, x)))
    assert [float(np.sign(cubic(np.array([x]))[0]))] * 2 == scipys(pair)


def test_doubtful_stretches_are_as_narrow_as_rounding():
    train = np.random.default_rng(0).normal(size=2000)
    stretches = Cubic(train).doubtful()
    assert 1 <= len(stretches) <= 3
    assert max(stop - start for start, stop in stretches) < 1e-6


@pytest.mark.parametrize(
    "train", [np.full(9, 0.1), np.array([1e-200, 2e-200, 4e-200]), np.array([1.0, 1e200]), np.array([5.0])]
)
def test_where_nothing_can_be_known_doubt_is_everywhere(train):
    assert Cubic(train).doubtful() == EVERYWHERE
    assert EVERYWHERE[0] == (-math.inf, math.inf)
