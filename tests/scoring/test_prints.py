"""Fingerprints: as far apart as what they are of, the same for the same only, and near by the reference."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.exchange import Payload, Tensor
from sidecar.features import Field, Schema, lay_out
from sidecar.features.images import ImageReading
from sidecar.features.texts import TextReading
from sidecar.scoring.prints import (
    COORDINATES,
    PREFIX,
    ROWS,
    WIDTH,
    Printer,
    cosines,
    signs,
    squared,
    stored,
)

SALT = np.arange(16, dtype=np.uint8)


def printer(
    schema: Schema,
    *,
    images: int = 0,
    ratio: float = 0.5,
    usual: float = np.inf,
    reference: np.ndarray | None = None,
) -> Printer:
    columns = len(schema.columns)
    arrays = {
        "salt": SALT,
        "weights": np.ones(columns) if not schema.readings else np.zeros(columns),
        "middle": np.zeros(columns),
        "images": np.ones(images),
        "reference": stored(np.eye(3, COORDINATES) * 4.0) if reference is None else reference,
        "ratio": np.array([ratio]),
        "usual": np.array([usual]),
        "lines": np.ones(1),
    }
    return Printer(schema, {PREFIX + name: array for name, array in arrays.items()})


def numbers(count: int) -> Schema:
    return Schema(tuple(Field(f"x[{i}]", "number") for i in range(count)))


def prints(taker: Printer, schema: Schema, *tensors: tuple[str, np.ndarray]):
    payload = Payload("test", tuple(Tensor(name, data) for name, data in tensors))
    found = taker.prints(lay_out(payload, schema), payload)
    assert found is not None
    return found


def apart(found) -> np.ndarray:
    return np.sqrt(squared(found.points, found.points))


# -- distances ---------------------------------------------------------------------------------------


def test_prints_are_about_as_far_apart_as_rows():
    rows = np.random.default_rng(1).normal(size=(32, 400))
    schema = numbers(400)
    found = apart(prints(printer(schema), schema, ("x", rows)))
    true = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(axis=2))
    share = (found / np.where(true > 0, true, 1.0))[~np.eye(32, dtype=bool)]
    assert share.mean() == pytest.approx(1.0, abs=0.03)
    assert share.std() == pytest.approx(1 / np.sqrt(2 * COORDINATES), rel=0.25)


def test_squared_distances_are_those_of_the_coordinates():
    points = stored(np.random.default_rng(2).normal(size=(9, COORDINATES)))
    rows = points[:, :COORDINATES].astype(float)
    np.testing.assert_allclose(
        squared(points, points), ((rows[:, None] - rows[None]) ** 2).sum(axis=2), atol=1e-4
    )


def test_a_step_in_one_number_is_as_long_in_the_print():
    schema = numbers(5)
    found = prints(printer(schema), schema, ("x", np.array([[1.0, 2, 3, 4, 5], [1.0, 2, 3, 4.25, 5]])))
    assert apart(found)[0, 1] == pytest.approx(0.25, rel=1e-3)


def test_any_two_categories_are_equally_far_apart():
    schema = Schema((Field("colour", "category", ("red", "green", "blue")),))
    taker = printer(schema)
    taker._weights[:] = 0.0  # as `sidecar.baseline.printing` has it for categories
    found = prints(taker, schema, ("colour", np.array(["red", "green", "blue", "never seen", "red"], object)))
    distances = apart(found)
    assert distances[0, 4] == 0.0
    others = distances[np.triu_indices(4, 1)]
    assert others.min() > 0.8
    assert others.max() < 2.0


def test_images_are_compared_by_their_pixels():
    schema = Schema(
        tuple(Field(name, "number") for name in ImageReading("i", 255.0).fields), (ImageReading("i", 255.0),)
    )
    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (28, 28)).astype(np.uint8)
    near = np.clip(image + rng.integers(-8, 8, image.shape), 0, 255).astype(np.uint8)
    other = rng.integers(0, 255, (28, 28)).astype(np.uint8)
    found = prints(printer(schema, images=1), schema, ("i", np.stack([image, near, other, image])))
    distances = apart(found)[0]
    assert 0.0 < distances[1] < distances[2] / 5
    assert found.ids[0] == found.ids[3] != found.ids[1]


def test_texts_are_compared_by_their_letters():
    reading = TextReading("t", bytes(65_536))
    schema = Schema(tuple(Field(name, "number") for name in reading.fields), (reading,))
    asked = "Please summarise the attached report on the harvest of wheat in three sentences."
    texts = [
        asked,
        asked + " zx!qv",
        "What is the capital of the country with the most lakes?",
        asked,
        "",
        None,
    ]
    found = prints(printer(schema), schema, ("t", np.array(texts, object)))
    distances = apart(found)
    assert 0.0 < distances[0, 1] < distances[0, 2] / 2
    assert found.ids[0] == found.ids[3]
    assert len(set(found.ids[:3].tolist())) == 3


# -- ids and rows ------------------------------------------------------------------------------------


def test_rows_have_one_id_only_when_they_are_equal():
    schema = numbers(3)
    rows = np.array([[1.0, 2, 3], [1.0, 2, 3 + 1e-12], [1.0, 2, 3]])
    found = prints(printer(schema), schema, ("x", rows))
    assert found.ids[0] == found.ids[2] != found.ids[1]
    assert prints(printer(schema), schema, ("x", rows[:1])).ids[0] == found.ids[0]


def test_of_a_large_call_some_rows_from_all_of_it_are_looked_at():
    schema = numbers(3)
    rows = np.arange(3000.0).reshape(1000, 3)
    found = prints(printer(schema), schema, ("x", rows))
    assert found.points.shape == (ROWS, WIDTH)
    first, last = (prints(printer(schema), schema, ("x", rows[i : i + 1])).ids[0] for i in (0, 999))
    assert (found.ids[0], found.ids[-1]) == (first, last)


def test_rows_that_cannot_be_scored_have_no_print():
    schema = numbers(2)
    taker = printer(schema)
    payload = Payload("test", (Tensor("x", np.array([[1.0, np.nan], [np.inf, 1.0]])),))
    assert taker.prints(lay_out(payload, schema), payload) is None
    found = prints(taker, schema, ("x", np.array([[1.0, np.nan], [1.0, 2.0]])))
    assert len(found.ids) == 1


def test_what_is_alike_lies_within_a_share_of_the_way_to_the_second_of_the_reference():
    schema = numbers(2)
    reference = stored(np.zeros((3, COORDINATES)) + np.array([[0.0], [1.0], [5.0]]))
    taker = printer(schema, ratio=0.5, reference=reference)
    found = prints(taker, schema, ("x", np.zeros((1, 2))))
    assert found.reach[0] == pytest.approx((0.5 * np.sqrt(COORDINATES)) ** 2, rel=1e-5)
    near = prints(printer(schema, ratio=0.5, usual=2.0, reference=reference), schema, ("x", np.zeros((1, 2))))
    assert near.reach[0] == pytest.approx(1.0), "as that of a usual row, however far away the reference is"


def test_a_baseline_from_before_there_were_lines_has_none():
    schema = numbers(3)
    arrays = {
        "salt": SALT,
        "weights": np.ones(3),
        "middle": np.zeros(3),
        "images": np.ones(0),
        "reference": stored(np.eye(3, COORDINATES)),
        "ratio": np.array([0.5]),
    }
    taker = Printer(schema, {PREFIX + name: array for name, array in arrays.items()})
    found = prints(taker, schema, ("x", np.full((1, 3), 9.0)))
    assert not found.lines
    assert found.wider == 1.0
    assert found.reach[0] > 4.0, "no distance is too far"


def test_what_is_between_two_rows_is_so_in_print():
    schema = numbers(300)
    ends = np.random.default_rng(4).random((2, 300))
    taker = printer(schema)
    found = prints(taker, schema, ("x", np.vstack((ends, 0.3 * ends[0] + 0.7 * ends[1]))))
    others = np.concatenate((stored(np.random.default_rng(5).random((5, COORDINATES))), found.points[:2]))
    seen = cosines(found.points[2], others)
    assert seen[5, 6] == pytest.approx(-1.0, abs=1e-4)
    assert (seen < -0.9).sum() == 2, "these two, and these two the other way round"
    assert (cosines(found.points[2], found.points[[0, 2]]) > -0.1).all(), "the same again is no end"


# -- signs and arrays --------------------------------------------------------------------------------


def test_signs_come_from_the_salt():
    first = signs(b"a", "numbers", 1000)
    assert set(np.unique(first * np.sqrt(COORDINATES)).round(9)) == {-1.0, 1.0}
    assert abs(first.mean()) < 0.01
    for other in (signs(b"b", "numbers", 1000), signs(b"a", "letters", 1000)):
        assert (first == other).mean() == pytest.approx(0.5, abs=0.02)


def test_arrays_that_do_not_fit_are_refused():
    schema = numbers(3)
    arrays = {PREFIX + "salt": SALT, PREFIX + "weights": np.ones(4)}
    with pytest.raises(ValueError, match="weights"):
        Printer(schema, arrays)
