"""Which columns are ids, and how closely their pattern is taken."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from sidecar.baseline.columns import ids
from sidecar.features.ids import FOLD

SOURCE = np.random.default_rng(0)


def uuids(count):
    return [str(uuid.UUID(bytes=SOURCE.bytes(16))) for _ in range(count)]


LEVELS = {
    "exact": [f"AB{i:05}" for i in range(500)],
    "runs": [f"{'A' * int(a)}{10 ** int(b)}" for a, b in SOURCE.integers(1, 25, (500, 2))],
    "words": uuids(500),
    "outline": [f"{SOURCE.bytes(i % 19 + 2).hex()}-{SOURCE.bytes(i % 17 + 2).hex()}" for i in range(900)],
    "none": ["".join(chr(c) for c in SOURCE.integers(33, 127, 20)) for _ in range(500)],
}


@pytest.mark.parametrize("level", LEVELS)
def test_the_pattern_is_as_close_as_new_ids_bear(level):
    reading = ids.of_texts("id", LEVELS[level])
    assert reading.level == level
    values, _ = reading.read(np.array(LEVELS[level], dtype=object))
    assert (values[:, 1] == len(reading.patterns)).mean() <= 0.01


def test_fresh_uuids_fit_and_others_do_not():
    reading = ids.of_texts("id", LEVELS["words"])
    fresh = reading.read(np.array(uuids(200), dtype=object))[0]
    known = reading.read(np.array(LEVELS["words"], dtype=object))[0]
    assert (fresh[:, 1] == 0).all()
    assert fresh[:, 2].max() <= known[:, 2].max()
    strange = [uuids(1)[0].replace("-", ""), "1 OR 1=1", "z" + uuids(1)[0][1:]]
    values = reading.read(np.array(strange, dtype=object))[0]
    assert ((values[:, 1] == 1) | (values[:, 2] > known[:, 2].max())).all()


def test_rarity_is_the_share_of_each_character():
    rarity = ids.of_texts("id", ["ab", "aa", "ac"]).rarity
    total = 6 + 0.5 * (FOLD + 1)
    assert rarity[ord("a")] == pytest.approx(-np.log(4.5 / total), abs=1e-4)
    assert rarity[ord("z")] == rarity[FOLD] == pytest.approx(-np.log(0.5 / total), abs=1e-4)


def test_prose_and_long_text_is_no_id():
    assert ids.of_texts("t", [f"no {i}" for i in range(50)]) is None
    assert ids.of_texts("t", [f"{i:0100}" for i in range(50)]) is None


@pytest.mark.parametrize(
    ("name", "is_id"),
    [("id", True), ("user_id", True), ("orderId", True), ("paid", False), ("amount", False)],
)
def test_numbers_are_ids_by_name_when_no_two_are_the_same(name, is_id):
    numbers = np.arange(10_000.0, 10_500.0)
    assert (ids.of_numbers(name, numbers) is not None) == is_id
    assert ids.of_numbers(name, np.append(numbers, numbers[0])) is None
    assert ids.of_numbers(name, numbers + 0.5) is None
