"""How near is alike: few honest questions have two others that near, and a probing step stays within."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import hypergeom

from sidecar.baseline import printing
from sidecar.baseline.fit import fit
from sidecar.exchange import Features, Payload
from sidecar.features import Field, Schema
from sidecar.scoring.prints import COORDINATES, OWN_RECENT, RECENT, stored
from tests.scoring.sets import adbench


def rows_of(name: str) -> np.ndarray:
    return np.unique(adbench(name).clean, axis=0)


@pytest.fixture(scope="module")
def satellites(tmp_path_factory: pytest.TempPathFactory):
    """A baseline of half of a set, and the rows of the other half."""
    place = tmp_path_factory.mktemp("printing")
    rows = np.random.default_rng(5).permutation(rows_of("31_satimage-2"))
    np.savez(place / "rows.npz", X=rows[: len(rows) // 2])
    return fit(place / "rows.npz", place / "b", ["pca"]).baseline, rows[len(rows) // 2 :]


def test_few_honest_rows_have_two_others_that_are_alike(satellites):
    baseline, rows = satellites
    points, _ = baseline.printer.taken(Features(rows, rows), None, slice(None))
    squares = printing.squared(points, points)
    alike = (squares <= baseline.printer.reach(points)[:, None]).sum(axis=1) - 1
    assert (alike >= printing.NEIGHBOURS).mean() <= 0.002


def test_small_steps_are_alike(satellites):
    """A twentieth of each column's spread, in all columns at once."""
    baseline, rows = satellites
    steps = rows + 0.05 * rows.std(axis=0) * np.random.default_rng(1).normal(size=rows.shape)
    points, _ = baseline.printer.taken(Features(rows, rows), None, slice(None))
    moved, _ = baseline.printer.taken(Features(steps, steps), None, slice(None))
    apart = np.einsum("ij,ij->i", points[:, :-1] - moved[:, :-1], points[:, :-1] - moved[:, :-1])
    assert (apart <= baseline.printer.reach(moved)).mean() > 0.95


def test_the_same_rows_and_seed_give_the_same_signs(tmp_path: Path):
    np.savez(tmp_path / "rows.npz", X=rows_of("38_thyroid")[:300])
    first, second, other = (
        fit(tmp_path / "rows.npz", tmp_path / f"b{i}", ["pca"], seed=seed).baseline.printer
        for i, seed in enumerate((1, 1, 2))
    )
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.tag == second.tag != other.tag


def test_of_few_rows_no_prints_are_kept(tmp_path: Path):
    np.savez(tmp_path / "rows.npz", X=rows_of("38_thyroid")[:100])
    assert fit(tmp_path / "rows.npz", tmp_path / "b", ["pca"]).baseline.printer is None


def test_of_many_rows_that_are_few_different_ones_no_prints_are_kept(tmp_path: Path):
    """An answer to two questions: nothing is nearly the same."""
    file = tmp_path / "rows.csv"
    file.write_text("member,channel\n" + "true,web\nfalse,app\n" * 300)
    assert fit(file, tmp_path / "b", ["hbos"]).baseline.printer is None


def test_lines_say_something_only_where_there_are_dimensions_enough():
    rng = np.random.default_rng(0)
    for dimensions, expected in ((2, False), (40, True)):
        points = np.zeros((400, COORDINATES))
        points[:, : min(dimensions, COORDINATES)] = rng.normal(size=(400, min(dimensions, COORDINATES)))
        assert printing.lines(stored(points), 0) is expected


def test_inputs_that_have_all_drifted_alike_are_no_walk(satellites):
    """Far from the reference, and as far from one another as ever."""
    baseline, rows = satellites
    moved = rows + 20.0 * rows.std(axis=0)
    points, _ = baseline.printer.taken(Features(moved, moved), None, slice(None))
    alike = (printing.squared(points, points) <= baseline.printer.reach(points)[:, None]).sum(axis=1) - 1
    assert (alike >= printing.NEIGHBOURS).mean() <= 0.02


# -- the ratio -----------------------------------------------------------------------------------------


def power_law(rows: int, power: float) -> np.ndarray:
    """Shares of which the odds of one below x are x to this power."""
    return ((np.arange(rows) + 0.5) / rows) ** (1.0 / power)


def test_with_rows_enough_the_ratio_is_the_smallest_thousandth():
    shares = np.sort(np.random.default_rng(0).random(9999))
    assert printing.ratio(shares) == shares[9]


@pytest.mark.parametrize("power", [4.0, 16.0])
def test_with_fewer_rows_it_follows_the_power_that_shares_have(power):
    expected = (0.001 * (500 / RECENT) ** 2) ** (1.0 / power)
    assert printing.ratio(power_law(500, power)) == pytest.approx(expected, rel=0.35)


def test_the_ratio_is_never_near_one():
    assert printing.ratio(np.full(9999, 5.0)) == printing.WIDEST


# -- a caller's own latest -----------------------------------------------------------------------------


def far(rows: int) -> np.ndarray:
    """How far each of some points is from each other one, in order, (rows, rows - 1)."""
    points = np.random.default_rng(3).normal(size=(rows, 6))
    return np.sort(cdist(points, points), axis=1)[:, 1:]


def test_a_callers_own_latest_may_lie_so_far_away_that_two_of_them_hardly_ever_do():
    apart = far(2_000)
    found = printing.own_ratio(apart[:, :40])
    assert 0.0 < found < printing.WIDEST
    within = (apart <= found).sum(axis=1)
    odds = hypergeom(apart.shape[1], within, OWN_RECENT).sf(1).mean()
    assert 0.8 * printing.ALIKE_OWN < odds <= printing.ALIKE_OWN


def test_few_rows_do_not_tell_how_far():
    assert printing.own_ratio(far(1_000)[:, :40]) == 0.0


def test_of_one_caller_more_is_alike_than_of_all(satellites):
    baseline, rows = satellites
    found = baseline.printer.prints(Features(rows[:1], rows[:1]), Payload("test", ()))
    assert found.wider > 1.2


# -- weights -------------------------------------------------------------------------------------------


def test_many_fields_that_differ_in_their_digits_only_have_one_spread():
    schema = Schema(tuple(Field(f"x[{i}]", "number") for i in range(20)))
    matrix = np.random.default_rng(0).normal(size=(50, 20)) * np.linspace(0.0, 9.0, 20)
    weights = printing._weights(matrix, schema)
    assert np.ptp(weights) == 0.0
    few = Schema(schema.fields[:5])
    np.testing.assert_allclose(printing._weights(matrix[:, :5], few)[1:], 1.0 / matrix[:, 1:5].std(axis=0))


def test_categories_count_by_themselves():
    schema = Schema(
        (
            Field("a", "number"),
            Field("b", "category", ("x", "y")),
            Field("c", "boolean", missing=True),
        )
    )
    matrix = np.array([[0.0, 0.0, 1.0, 0.0], [4.0, 1.0, 0.0, 1.0]])
    assert printing._weights(matrix, schema).tolist() == [0.5, 0.0, 1.0, 1.0]
