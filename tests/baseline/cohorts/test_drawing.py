import msgspec
import numpy as np
import pytest

from sidecar.baseline.cohorts import drawing
from sidecar.features import Field
from tests.observer.real import NAMES, draw

FIELDS = tuple(Field(name, "number") for name in NAMES)
NAN = float("nan")


def test_units_and_tails_do_not_matter():
    rows = draw(300, seed=1)
    stretched = np.exp(rows / 10.0) * 1e6
    plain, other = drawing.draw(rows, FIELDS), drawing.draw(stretched, FIELDS)
    near, far = (np.linalg.norm(places, axis=1) for places in (plain.place(rows), other.place(stretched)))
    # Between knots a straight line in one scale is not one in the other.
    assert np.abs(near - far).max() < 0.05


def test_distances_between_rows_survive_as_far_as_the_components_carry_them():
    rows = draw(200, seed=2)
    projection = drawing.draw(rows, FIELDS)
    assert len(projection.axes) == 16
    assert sum(projection.shares) == pytest.approx(1.0)
    coordinates, places = drawing.encoded(rows, projection.columns), projection.place(rows)
    for i, j in ((0, 1), (5, 90), (17, 3)):
        assert np.linalg.norm(places[i] - places[j]) == pytest.approx(
            np.linalg.norm(coordinates[i] - coordinates[j])
        )


def test_many_values_are_kept_as_few_knots_that_stay_close_to_the_ranks():
    values = np.random.default_rng(0).lognormal(sigma=3.0, size=(5000, 1))
    (column,) = drawing.draw(values, (Field("a", "number"),)).columns
    assert len(column.knots) <= drawing.KNOTS
    assert column.knots[0] == values.min()
    assert column.knots[-1] == values.max()
    ranks = drawing.encoded(values, [column])[:, 0]
    exact = (np.argsort(np.argsort(values[:, 0])) + 0.5) / len(values)
    assert np.abs(ranks - exact).max() < 1.0 / drawing.KNOTS


def test_of_few_values_every_rank_is_exact_and_ties_share_theirs():
    values = np.array([[3.0], [1.0], [2.0], [2.0]])
    (column,) = drawing.draw(values, (Field("a", "number"),)).columns
    assert (column.knots, column.ranks) == ((1.0, 2.0, 3.0), (0.125, 0.5, 0.875))


def test_categories_gaps_and_constants_have_the_columns_they_deserve():
    fields = (
        Field("kind", "category", ("a", "b")),
        Field("x", "number", missing=True),
        Field("c", "constant"),
    )
    pool = np.array([[i % 3, NAN if i % 4 == 0 else float(i), 7.0] for i in range(120)])
    projection = drawing.draw(pool, fields)
    assert [(column.field, column.kind, *column.knots[:1]) for column in projection.columns] == [
        *((0, "level", 0.0), (0, "level", 1.0), (0, "level", 2.0)),
        *((1, "rank", 1.0), (1, "missing")),
    ]


def test_rows_that_are_all_the_same_have_no_map():
    assert drawing.draw(np.ones((30, 2)), FIELDS[:2]) is None


def test_a_new_map_is_turned_to_lie_as_the_last_one():
    rows = draw(400, seed=3)
    before = drawing.draw(rows, FIELDS).first(2)
    turned = drawing.draw(rows, FIELDS).first(2)
    flipped = msgspec.structs.replace(
        turned, axes=(tuple(-x for x in turned.axes[1]), turned.axes[0]), shares=turned.shares[::-1]
    )
    after = drawing.aligned(flipped, before, rows)
    assert after.place(rows) == pytest.approx(before.place(rows), abs=1e-9)
    assert after.shares == pytest.approx(before.shares)


def test_a_first_map_and_one_of_other_fields_stay_as_they_are():
    rows = draw(100, seed=4)
    chart = drawing.draw(rows, FIELDS).first(2)
    assert drawing.aligned(chart, None, rows) is chart
    narrow = drawing.draw(rows[:, :3], FIELDS[:3]).first(2)
    assert drawing.aligned(narrow, chart, rows[:, :3]) is narrow


def test_a_map_with_one_axis_is_a_line():
    assert drawing.pairs(np.array([[1.0], [2.0]])) == ((1.0, 0.0), (2.0, 0.0))
