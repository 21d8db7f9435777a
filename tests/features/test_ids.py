"""Ids: length, pattern and rarest character, at each closeness of pattern."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.features.ids import FOLD, LOOKED_AT, PATTERNS, IdReading

RARITY = tuple(float(i) for i in range(FOLD + 1))


def test_patterns():
    shown = {level: pattern("AB-12_ab9é") for level, pattern in PATTERNS.items()}
    assert shown == {
        "exact": "AA-99_aa9a",
        "runs": "A-9_a9a",
        "words": "2-2_4",
        "outline": "x-x_x",
        "none": "",
    }
    assert PATTERNS["words"]("3f2a00b1-00aa") == "8-4"


def test_an_id_is_its_shape():
    reading = IdReading("u", "runs", ("A-9", "9"), RARITY)
    assert reading.fields == ("u length", "u pattern", "u rarest")
    values, bad = reading.read(np.array(["AB-12", "77", "ab-12", "AB-1€", "", None], dtype=object))
    assert values[:5].tolist() == [
        [5.0, 0.0, float(ord("B"))],
        [2.0, 1.0, float(ord("7"))],
        [5.0, 2.0, float(ord("b"))],
        [5.0, 2.0, float(FOLD)],
        [0.0, 2.0, float(FOLD)],
    ]
    assert np.isnan(values[5]).all()
    assert bad == {}


@pytest.mark.parametrize("column", [np.array([12345]), np.array([12345.0]), np.array(["12345"], object)])
def test_an_id_is_the_same_whatever_type_carries_it(column):
    assert IdReading("u", "exact", ("99999",), RARITY).read(column)[0].tolist() == [
        [5.0, 0.0, float(ord("5"))]
    ]


def test_a_long_id_is_looked_at_in_part_and_counted_whole():
    reading = IdReading("u", "runs", ("9",), RARITY)
    long = "1" * LOOKED_AT + "x" * 10**6
    assert reading.read(np.array([long], object))[0].tolist() == [[float(len(long)), 0.0, float(ord("1"))]]
