"""Which rows have a digest, and when two rows have the same."""

import numpy as np
import pytest

from sidecar.observer.digests import digest

ROW = (0.123456789, -7.654321, 1234.5678)


def test_single_precision_on_the_way_changes_nothing_usually():
    random = np.random.default_rng(0)
    rows = random.normal(size=(500, 4))
    carried = rows.astype(np.float32).astype(np.float64)
    same = sum(digest(a) == digest(b) for a, b in zip(rows.tolist(), carried.tolist(), strict=True))
    assert same > 0.95 * 500


def test_other_rows_have_other_digests():
    random = np.random.default_rng(1)
    found = {digest(row) for row in random.normal(size=(20_000, 4)).tolist()}
    assert len(found) == 20_000
    assert digest(ROW) != digest(ROW[::-1])
    assert digest(ROW) != digest((ROW[0], ROW[1], 1234.9))


@pytest.mark.parametrize(
    "row",
    [(0.0,) * 64, (1.0, 0.0) * 50, (7.0,), (0.25,) * 30, ("yes",), ("a short label",), (None, True), ()],
)
def test_what_everybody_says_is_nobodys(row):
    assert digest(row) is None


def test_a_number_in_full_and_a_sentence_are_enough():
    assert digest((0.7351234567890123,)) is not None
    assert digest((0.735,)) is None
    assert digest(("can you write a filter in python",)) is not None
    assert digest((" can you write a filter in python ",)) == digest(("can you write a filter in python",))


def test_texts_and_numbers_are_not_mixed_up():
    assert digest((*ROW, "1")) != digest((*ROW, 1.0))
    assert digest((*ROW, -0.0)) == digest((*ROW, 0.0))
    assert digest((*ROW, float("nan"), float("inf"))) is not None
