"""Columns of real digits are broken in every way there is a name for; shifts and chance are no breaks."""

import numpy as np
import pytest

from sidecar.observer.axes import as_reference, category
from sidecar.observer.breaks import LEAST_ROWS, Break, breaks, broken, latest, quantiles, refused
from sidecar.observer.windows import Window
from tests.observer.real import NAMES, digits, draw, reference

FIELDS = reference(draw(2000, seed=1))
FEATURES = (0, 6, 9, 12)


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("rows", [20, 60, 500])
@pytest.mark.parametrize("factor", [100.0, 0.001, -1.0, 2.54**2])
def test_a_changed_unit_is_named_with_its_factor(feature, rows, factor):
    found = broken(FIELDS[feature], draw(rows, seed=2)[:, feature] * factor)
    if factor == -1.0 or rows == 20:
        assert found is None or found.kind == "unit", "few rows, or a law that is nearly symmetric"
        return
    assert (found.feature, found.kind) == (NAMES[feature], "unit")
    assert found.factor == pytest.approx(factor, rel=0.15)


@pytest.mark.parametrize("size", [1e60, 1e139, 1e141, 1.7e308])
def test_numbers_without_measure_are_an_answer_still(size):
    ends = np.where(np.arange(60) % 2, size, -size) * np.linspace(0.9, 1.0, 60)
    found = broken(FIELDS[6], ends)
    assert found is None or np.isfinite(found.factor)


def test_powers_of_ten_are_whole():
    assert broken(FIELDS[6], draw(300, seed=3)[:, 6] * 1000).factor == 1000.0


@pytest.mark.parametrize("feature", range(16))
@pytest.mark.parametrize(
    "move", [lambda x: x, lambda x: x + 0.3, lambda x: x * 1.5, lambda x: x[:LEAST_ROWS]]
)
def test_drifts_and_chance_are_no_breaks(feature, move):
    assert broken(FIELDS[feature], move(draw(400, seed=4)[:, feature])) is None


def test_an_empty_column_is_missing_and_a_frozen_one_stuck():
    assert broken(FIELDS[2], np.full(50, np.nan)) == Break("x2", "missing", 1.0)
    assert broken(FIELDS[2], np.full(50, 0.42)) == Break("x2", "stuck", 1.0)
    half = np.where(np.arange(100) % 2, np.nan, draw(100, seed=5)[:, 2])
    assert broken(FIELDS[2], half) is None
    assert broken(FIELDS[2], np.full(LEAST_ROWS - 1, np.nan)) is None


def test_a_value_that_always_was_frequent_is_not_stuck():
    frequent = as_reference(FIELDS[2], np.repeat([1.0, 0.2], [960, 40]))
    assert broken(frequent, np.full(30, 1.0)) is None
    assert broken(frequent, np.full(30, 0.2)).kind == "stuck"


def test_categories_that_nobody_knows_are_new():
    colour = as_reference(category("colour", ("red", "blue")), np.array([0.0, 0.0, 1.0]))
    assert broken(colour, np.full(20, 2.0)) == Break("colour", "new-categories", 1.0)
    assert broken(colour, np.repeat([0.0, 2.0], 10)) is None


def test_refusals_name_the_column_when_nearly_every_call_is_refused():
    absent, type_ = "schema-mismatch:missing:age", "not-a-number:income"
    assert refused([absent] * 50) == (Break("age", "absent", 1.0),)
    assert refused([type_] * 47 + [""] * 3) == (Break("income", "type", 0.94),)
    assert refused([absent] * 25 + [""] * 25) == ()
    assert refused([absent] * 5) == ()
    assert refused(["deadline"] * 50) == ()


def test_only_named_features_are_looked_at():
    rows = draw(100, seed=6).copy()
    rows[:, 2] = rows[:, 5] = np.nan
    assert [one.feature for one in breaks(FIELDS, rows, ["x2", "y1"])] == ["x2"]


def test_quantiles_of_the_reference_are_nearly_its_own():
    rows = draw(2000, seed=1)
    levels = np.array([0.1, 0.5, 0.9])
    for i in FEATURES:
        np.testing.assert_allclose(quantiles(FIELDS[i], levels), np.quantile(rows[:, i], levels), atol=0.05)


@pytest.mark.parametrize(("sample_bytes", "kept"), [(1_048_576, 120), (8 * 16 * 200, 24)])
def test_the_latest_rows_are_those_of_the_window_as_far_as_it_has_them(sample_bytes, kept, monkeypatch):
    monkeypatch.setattr("sidecar.observer.windows.SAMPLE_BYTES", sample_bytes)
    window = Window(FIELDS, 1000, 3600.0)
    window.update(digits()[:900], 1.0)
    window.update(digits()[900:1020] + 7.0, 2.0)
    rows = latest(window, 120, 2.0)
    assert abs(len(rows) - kept) <= 8
    assert (rows >= 7.0).mean() >= 0.9
