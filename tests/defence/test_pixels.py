"""Layouts of pixels: what is meant by a text, and rows to pictures and back."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.defence.pixels import Layout, layout, shades


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("28x28", Layout(28, 28)),
        ("20x30", Layout(20, 30)),
        ("32x24x3", Layout(32, 24, 3)),
        ("28x28x1", Layout(28, 28, 1)),
        ("3x32x24", Layout(32, 24, 3, first=True)),
        ("1x28x28", Layout(28, 28, 1, first=True)),
    ],
)
def test_a_text_says_which_numbers_form_a_picture(text, expected):
    found = layout(text)
    assert found == expected
    assert layout(str(found)) == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [("28", "28x28"), ("28x", "28x28"), ("axb", "28x28"), ("0x4", "no pixels"), ("32x32x32", "at most 4")],
)
def test_anything_else_is_refused_with_what_was_expected(text, reason):
    with pytest.raises(ValueError, match=reason):
        layout(text)


@pytest.mark.parametrize("text", ["4x5", "4x5x3", "3x4x5"])
def test_pictures_become_the_rows_that_they_were(text):
    found = layout(text)
    rows = np.arange(2.0 * found.values).reshape(2, -1)
    pictures = found.pictures(rows)
    assert pictures.shape == (2, 4, 5, found.channels)
    np.testing.assert_array_equal(found.rows(pictures), rows)


def test_where_channels_come_first_a_pixel_is_far_from_its_neighbour_of_another_colour():
    apart, together = layout("3x4x5"), layout("4x5x3")
    row = np.arange(60.0)[None]
    assert apart.pictures(row)[0, 0, 0].tolist() == [0.0, 20.0, 40.0]
    assert together.pictures(row)[0, 0, 0].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("least", "greatest", "expected"),
    [
        (0.0, 0.8, (0.0, 1.0)),
        (0.0, 1.0, (0.0, 1.0)),
        (0.1, 16.0, (0.0, 255.0)),
        (0.0, 300.0, (0.0, 300.0)),
        (-0.4, 2.8, (-0.4, 2.8)),
    ],
)
def test_shades_are_what_pictures_usually_have(least, greatest, expected):
    assert shades(np.array([[least, greatest]])) == expected
