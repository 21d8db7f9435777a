"""How much rows count: a column of weights, or recent rows that the reference is weighted towards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sidecar import cli
from sidecar.baseline.fit import fit
from sidecar.baseline.tables import Table
from sidecar.baseline.weights import effective, taken, towards
from sidecar.errors import DataError
from sidecar.exchange import Features
from sidecar.scoring.artifact import read
from sidecar.scoring.baseline import load

RNG = np.random.default_rng(0)


def table(**columns: object) -> Table:
    return Table("rows.csv", {name: np.array(values) for name, values in columns.items()})


def test_a_column_of_weights_is_no_field():
    rest, weights = taken(table(a=[1.0, 2.0], weight=[0.5, 3]), "weight")
    assert list(rest.columns) == ["a"]
    assert weights.tolist() == [0.5, 3.0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0]}, "rows.csv: has no column 'weight' of weights; it has a"),
        ({"weight": ["x"]}, "column 'weight' of weights holds something else than numbers"),
        ({"weight": [1.0, 0.0]}, "row 2, column 'weight': 0 is no weight"),
        ({"weight": [1.0, 2.0, np.nan]}, "row 3, column 'weight': nan is no weight"),
    ],
)
def test_what_is_no_weight_is_named(columns, message):
    with pytest.raises(DataError, match=message):
        taken(table(**columns), "weight")


def test_weights_are_the_ratio_of_the_densities():
    reference, recent, rows = (
        RNG.normal(size=(4000, 2)),
        RNG.normal(size=(3000, 2)),
        RNG.normal(size=(500, 2)),
    )
    recent[:, 0] += 0.8
    weights = towards(reference, recent, rows)
    true = np.exp(0.8 * rows[:, 0] - 0.32)
    assert np.corrcoef(np.log(weights), np.log(true))[0, 1] > 0.99
    assert weights.mean() == pytest.approx(1.0)
    assert effective(weights) < 400
    assert effective(np.ones(7)) == pytest.approx(7.0)


def test_recent_rows_that_are_no_different_change_little():
    weights = towards(RNG.normal(size=(4000, 3)), RNG.normal(size=(4000, 3)), RNG.normal(size=(500, 3)))
    assert effective(weights) > 480


def test_too_few_recent_rows_are_refused():
    with pytest.raises(DataError, match="39 recent rows are too few"):
        towards(np.ones((50, 1)), np.ones((39, 1)), np.ones((5, 1)))


def write(file: Path, rows: np.ndarray) -> Path:
    np.savez(file, X=rows, columns=[f"f{i}" for i in range(rows.shape[1])])
    return file


def test_an_aged_reference_flags_its_share_again(tmp_path):
    """One feature has moved since; nothing is wrong with the rows."""
    old, recent, traffic = (RNG.normal(size=(n, 3)) for n in (6000, 2000, 2000))
    recent[:, 0] += 1.0
    traffic[:, 0] += 1.0
    data, now = write(tmp_path / "old.npz", old), write(tmp_path / "now.npz", recent)
    shares = {}
    for name, more in (("as it was", {}), ("weighted", {"towards": now})):
        fit(data, tmp_path / name, ["ecod"], **more)
        score = load(tmp_path / name).score(Features(traffic, traffic), 0.05)
        shares[name] = np.mean(np.array(score.row_p) <= 0.05)
    assert shares["as it was"] > 0.075
    assert shares["weighted"] < 0.06


def test_weights_are_stored_beside_the_scores_and_said(tmp_path, capsys):
    rows = np.column_stack((RNG.normal(size=(400, 2)), np.tile((1.0, 9.0), 200)))
    data = write(tmp_path / "rows.npz", rows)
    arguments = ["fit", "--data", str(data), "--out", str(tmp_path / "b"), "--weights", "f2"]
    assert cli.main(arguments) == 0
    assert "calibration rows are weighted; they count like" in capsys.readouterr().out
    manifest, arrays = read(tmp_path / "b")
    assert [field.name for field in manifest.schema] == ["f0", "f1"]
    assert set(arrays["ecod/calibration-weights"]) == {1.0, 9.0}
    total = arrays["calibration/weights"].sum()
    assert load(tmp_path / "b").finest_p == pytest.approx(9.0 / (total + 9.0))
    assert cli.main([*arguments, "--towards", str(data), "--force"]) == 2
    assert "both say how much rows count" in capsys.readouterr().err
    assert (
        cli.main([*arguments[:-2], "--towards", str(write(tmp_path / "n.npz", rows[:, :1])), "--force"]) == 1
    )
    assert "has no column 'f1', which" in capsys.readouterr().err
