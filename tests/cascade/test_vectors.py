"""Values of any kind as numbers whose distances mean something."""

import numpy as np
import pytest

from sidecar.cascade.vectors import BUCKETS, WIDEST, narrowed, sketch, vectors


def test_numbers_stay_and_missing_ones_are_said_to_be():
    assert vectors([(1.0, True), (3.0, False)]).tolist() == [[1.0, 1.0], [3.0, 0.0]]
    assert vectors([(1.0,), (None,), (3.0,)]).tolist() == [[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]
    assert vectors([(float("inf"),), (2.0,)]).tolist() == [[2.0, 1.0], [2.0, 0.0]]


def test_few_texts_are_columns_of_their_own():
    assert vectors([("b",), ("a",), ("b",)] * 4).tolist() == [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]] * 4


def test_like_texts_are_nearer_than_unlike_ones():
    texts = ("play some jazz", "play some rock", "what is the weather")
    first, second, third = map(sketch, texts)
    assert np.linalg.norm(first - second) < 0.7 * np.linalg.norm(first - third)
    assert np.linalg.norm(first) == pytest.approx(1.0)
    assert sketch("").shape == (BUCKETS,)


def test_case_and_punctuation_count():
    assert np.linalg.norm(sketch("play jazz") - sketch("Play jazz!")) > 0.3


def test_wide_rows_keep_their_distances():
    random = np.random.default_rng(0)
    wide = random.normal(size=(50, 3)) @ random.normal(size=(3, 200))
    narrow = narrowed(wide)
    assert narrow.shape == (50, WIDEST)
    assert np.linalg.norm(narrow[0] - narrow[1]) == pytest.approx(np.linalg.norm(wide[0] - wide[1]))


def test_nothing_is_no_trouble():
    assert vectors([]).shape == (0, 0)
    assert vectors([(), ()]).shape == (2, 0)
    assert vectors([(None,), (None,)]).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert vectors([("\ud800",), (None,), ("x",)]).shape[0] == 3
