import numpy as np
import pytest

from sidecar.projection import LEVEL, Column, Projection, encoded

NAN = float("nan")


def test_a_number_is_its_rank_with_straight_lines_between_and_ends_beyond():
    column = Column(0, "rank", (0.0, 10.0, 1000.0), (0.1, 0.5, 0.9))
    values = np.array([[0.0], [5.0], [10.0], [505.0], [1e9], [-1e9], [np.inf], [NAN]])
    places = encoded(values, [column])[:, 0]
    assert places == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9, 0.1, 0.9, 0.5])


def test_two_categories_are_half_the_length_of_a_number_apart_and_missing_is_neither():
    columns = [Column(0, "level", (0.0,)), Column(0, "level", (1.0,)), Column(0, "missing")]
    first, second, rare, missing = encoded(np.array([[0.0], [1.0], [7.0], [NAN]]), columns)
    assert np.linalg.norm(first - second) == pytest.approx(0.5)
    assert rare.tolist() == [0, 0, 0]
    assert missing.tolist() == [0, 0, LEVEL]


def test_rows_are_placed_along_the_axes_less_the_mean():
    columns = (Column(1, "rank", (0.0, 1.0), (0.0, 1.0)), Column(0, "level", (3.0,)))
    projection = Projection(columns, (0.5, 0.0), ((1.0, 0.0), (0.0, 2.0)), (0.7, 0.3))
    places = projection.place(np.array([[3.0, 1.0], [2.0, 0.25]]))
    assert places == pytest.approx(np.array([[0.5, 2 * LEVEL], [-0.25, 0.0]]))
    assert projection.first(1).place(np.array([[3.0, 1.0]])).tolist() == [[0.5]]
    assert projection.first(1).shares == (0.7,)


def test_no_rows_have_no_places():
    projection = Projection((Column(0, "missing"),), (0.0,), ((1.0,), (0.0,)), (1.0, 0.0))
    assert projection.place(np.empty((0, 3))).shape == (0, 2)
