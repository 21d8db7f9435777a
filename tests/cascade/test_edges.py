"""Columns of a question that were answers of another model, and whether they still are."""

import numpy as np

from sidecar.cascade.edges import Side, edge

RANDOM = np.random.default_rng(0)


def rows(matrix):
    return [tuple(row) for row in matrix.tolist()]


def sides(after):
    """A source with two answers, of which the target gets the second, with a column of its own."""
    answers = RANDOM.normal(size=(200, 2))
    own = RANDOM.normal(size=(200, 1))
    asked = np.hstack([own, answers[:, 1:]])
    return (
        Side("a", ("y0", "y1"), rows(answers[:100]), rows(answers[100:])),
        Side("b", ("x0", "x1"), rows(asked[:100]), rows(after(asked[100:]))),
    )


def test_the_fed_column_is_found_by_its_values_and_still_fed():
    found = edge(*sides(lambda asked: asked))
    assert (found.fed, found.broken) == ((("y1", "x1"),), ())


def test_another_unit_breaks_an_edge():
    found = edge(*sides(lambda asked: asked * (1.0, 1000.0)))
    assert (found.fed, found.broken) == ((("y1", "x1"),), (("y1", "x1"),))


def test_single_precision_on_the_way_breaks_nothing():
    assert edge(*sides(lambda asked: asked.astype(np.float32).astype(np.float64))).broken == ()


def test_labels_that_everybody_has_name_nobody():
    labels = [("a",), ("b",)] * 50
    assert edge(Side("a", ("y",), labels, labels), Side("b", ("x",), labels, labels)).fed == ()


def test_sides_without_columns_are_no_trouble():
    assert edge(Side("a", (), [()], [()]), Side("b", ("x",), [(1.0,)] * 30, [])).fed == ()
