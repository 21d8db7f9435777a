"""A column cut into steps, against counting by hand at values on, between and beyond the cuts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sidecar.scoring.skewness import joined_sign
from sidecar.scoring.tails import DOUBT, cut, sides


def places(tails) -> list[tuple[int, float]]:
    """A step and a value on it, for every step."""
    cuts = tails.cuts
    on = [(2 * i + 1, x) for i, x in enumerate(cuts.tolist())]
    between = [(2 * i + 2, float(a + (b - a) / 2)) for i, (a, b) in enumerate(pairwise(cuts.tolist()))]
    return [(0, cuts[0] - 1.0), *on, *between, (2 * cuts.size, cuts[-1] + 1.0)]


@pytest.mark.parametrize(
    "train",
    [
        np.array([3.0, 1.0, 2.0, 2.0, 7.0, 2.0]),
        np.array([-1.0, 0.0, 1.0, -2.0, 2.0, 0.0]),
        np.random.default_rng(0).normal(size=80),
        np.full(5, 4.0),
    ],
    ids=["ties", "symmetric", "numbers", "constant"],
)
def test_every_step_has_the_sides_and_the_sign_of_its_values(train):
    tails = cut(train, only_column=False)
    assert tails.sign.shape == tails.left.shape == tails.right.shape == (2 * tails.cuts.size + 1,)
    for step, x in places(tails):
        n = train.size + 1
        left, right = -np.log(((train <= x).sum() + 1) / n), -np.log(((train >= x).sum() + 1) / n)
        assert (tails.left[step], tails.right[step]) == pytest.approx((left, right), abs=1e-15)
        assert sides(train, x) == pytest.approx((left, right), abs=1e-15)
        if tails.sign[step] != DOUBT:
            assert tails.sign[step] == joined_sign(train, x, only_column=False)


def test_training_values_are_never_in_doubt_unless_there_are_many():
    few = cut(np.array([-1.0, 1.0, 0.0, 0.0]), only_column=False)
    values = np.isin(few.cuts, [-1.0, 0.0, 1.0])
    assert (few.sign[1::2][values] != DOUBT).all()
    many = cut(1e-200 * np.arange(1.0, 100.0), only_column=False)
    assert (many.sign == DOUBT).all()
