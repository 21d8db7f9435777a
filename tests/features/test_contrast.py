"""Where two columns of answers differ: numbers by more than a tolerance, everything else at all."""

import numpy as np
import pytest

from sidecar.features.contrast import are_numbers, differs

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("before", "now", "tolerance", "expected"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.1, 3.0], 1e-6, [False, True, False]),
        ([100.0, 0.001], [100.9, 0.0109], 0.01, [False, False]),  # of its size, and of 1 where it is less
        ([100.0], [101.1], 0.01, [True]),
        ([NAN, NAN, 1.0], [NAN, 1.0, NAN], 1e-6, [False, True, True]),
        ([INF, -INF, INF], [INF, INF, 1.0], 1e-6, [False, True, True]),
    ],
)
def test_numbers(before, now, tolerance, expected):
    assert differs(np.array(before), np.array(now), tolerance).tolist() == expected


def test_whole_numbers_and_others_are_numbers_together():
    ones, halves = np.array([1, 2]), np.array([1.0, 2.5])
    assert are_numbers(ones, halves)
    assert differs(ones, halves, 0.0).tolist() == [False, True]


def test_what_is_no_number_is_a_label():
    labels = np.array(["cat", None, "7"], dtype=object)
    assert not are_numbers(labels, labels)
    assert differs(labels, np.array(["dog", None, "7"], dtype=object), 1.0).tolist() == [True, False, False]
    assert differs(labels[2:], np.array([7]), 0.0).tolist() == [False]
    assert differs(np.array([True, False]), np.array([True, True]), 1.0).tolist() == [False, True]
