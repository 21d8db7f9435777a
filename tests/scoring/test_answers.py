"""Answers: points of categories, the distance to what neighbours got against counting by hand, storing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from sidecar.features import Field, Schema
from sidecar.scoring.answers import NEIGHBOURS, Conditional, encoded, from_arrays, in_spreads

SOURCE = np.random.default_rng(0)


def test_labels_become_points_of_equal_distance():
    schema = Schema((Field("p", "number"), Field("l", "category", ("a", "b")), Field("f", "boolean")))
    rows = encoded(np.array([[0.5, 0.0, 1.0], [0.7, 2.0, 0.0]]), schema)
    assert rows.tolist() == [[0.5, 1, 0, 0, 0, 1], [0.7, 0, 0, 1, 1, 0]]


def test_the_distance_to_the_answers_of_the_nearest_questions():
    questions, answers = SOURCE.normal(size=(200, 3)), SOURCE.normal(size=(200, 2))
    scale = np.array([2.0, 0.5])
    asked, given = SOURCE.normal(size=(20, 3)), SOURCE.normal(size=(20, 2))
    got = Conditional(questions, answers, scale, 0.3).score_many(asked, given)
    for score, question, answer in zip(got, asked, given, strict=True):
        nearest = np.argsort(((questions - question) ** 2).sum(axis=1))[:NEIGHBOURS]
        centre = answers[nearest].mean(axis=0)
        apart = np.sqrt(((answers[nearest] - centre) ** 2).sum(axis=1).mean())
        assert score == pytest.approx(np.linalg.norm(answer / scale - centre) / (apart + 0.3))


def test_rows_are_scored_some_at_a_time_and_all_alike():
    source = np.random.default_rng(0)
    reference = Conditional(source.normal(size=(400, 3)), source.normal(size=(400, 20)), np.ones(20), 1.0)
    questions, answers = source.normal(size=(5_000, 3)), source.normal(size=(5_000, 20))
    tracemalloc.start()
    try:
        scores = reference.score_many(questions, answers)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 * 2**20  # all at once it would be 40 MB, and of a large fit gigabytes
    assert scores == pytest.approx(reference._scores(questions, answers), rel=1e-12)


def test_one_wild_value_does_not_choose_the_neighbours():
    assert in_spreads(np.array([[1e9, 1.0]]), np.zeros(2), np.array([1.0, 0.5])).tolist() == [[10.0, 2.0]]


@pytest.mark.parametrize("name", ["scale", "questions", "answers", "floor", "standard", "calibration"])
def test_what_is_missing_is_named(name):
    arrays = {
        "scale": np.ones(1),
        "questions": np.ones((20, 2)),
        "answers": np.ones((20, 1)),
        "floor": np.ones(1),
        "standard": np.ones((5, 2)),
        "calibration": np.ones(5),
    }
    del arrays[name]
    stored = {f"answers/{key}": array for key, array in arrays.items()}
    with pytest.raises(ValueError, match=f"array '{name}' is missing"):
        from_arrays(Schema((Field("p", "number"),)), stored, np.zeros(2), np.ones(2))
