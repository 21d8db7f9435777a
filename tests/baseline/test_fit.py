"""The story of a fit, on real files: what is saved, that it repeats, what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sidecar.baseline import fit as story
from sidecar.baseline.fit import fit
from sidecar.errors import BaselineError, DataError, UsageError
from sidecar.scoring import artifact
from sidecar.scoring.baseline import load
from tests.scoring.sets import adbench


@pytest.fixture
def thyroid(tmp_path: Path) -> Path:
    np.savez(tmp_path / "thyroid.npz", X=adbench("38_thyroid").clean[:600])
    return tmp_path / "thyroid.npz"


def test_manifest_says_what_was_done(thyroid, tmp_path):
    summary = fit(thyroid, tmp_path / "b", ["iforest", "ecod"], seed=7)
    manifest, arrays = artifact.read(tmp_path / "b")
    assert manifest == summary.manifest
    assert manifest.split == artifact.Split(
        seed=7, rows=600, left_out=0, fit=341, standard=60, calibration=199
    )
    assert [(entry.name, entry.difference, entry.compared) for entry in manifest.detectors] == [
        ("iforest", 0.0, 29),
        ("ecod", pytest.approx(0, abs=1e-14), 29),
    ]
    assert manifest.detectors[0].parameters["random_state"] == 7
    assert manifest.source == "thyroid.npz"
    assert {name: arrays[f"{name}/calibration"].size for name in ("ecod", "iforest")} == {
        "ecod": 199,
        "iforest": 199,
    }
    assert arrays["calibration/combined"].shape == (199,)
    assert [field.rows for field in manifest.reference] == [600] * 6


def test_the_same_file_and_seed_give_the_same_arrays(thyroid, tmp_path):
    first, second, other = (
        fit(thyroid, tmp_path / f"b{i}", ["ecod", "iforest"], seed=seed).manifest
        for i, seed in enumerate((1, 1, 2))
    )
    assert first.arrays == second.arrays != other.arrays


def test_calibration_rows_are_scored_by_what_is_saved(thyroid, tmp_path):
    """Every calibration row, scored live, must find itself among the scores that calibrate."""
    fit(thyroid, tmp_path / "b", ["ecod", "iforest"])
    baseline = load(tmp_path / "b")
    _, arrays = artifact.read(tmp_path / "b")
    rows = adbench("38_thyroid").clean[:600]
    for name in ("ecod", "iforest"):
        live = [
            detector.raw
            for row in rows
            for detector in baseline.score(story.Features(row[None], row[None]), 0.0).detectors
            if detector.name == name
        ]
        assert np.isin(arrays[f"{name}/calibration"].round(12), np.round(live, 12)).all()


def test_detectors_with_weights_of_their_own_are_not_taken_for_weighted_calibration(thyroid, tmp_path):
    baseline = fit(thyroid, tmp_path / "b", ["pca", "ocsvm"]).baseline
    assert baseline.detectors == ("pca", "ocsvm")


def test_ignored_columns_are_not_in_the_schema(tmp_path):
    rows = adbench("38_thyroid").clean[:300]
    np.savez(tmp_path / "t.npz", X=rows, columns=np.array(["a", "b", "c", "d", "e", "label"]))
    summary = fit(tmp_path / "t.npz", tmp_path / "b", ["ecod"], ignore=["label"])
    assert summary.baseline.schema.names == ("a", "b", "c", "d", "e")


def test_rows_that_cannot_be_scored_are_left_out_and_counted(tmp_path):
    rows = adbench("38_thyroid").clean[:300].copy()
    rows[[4, 100], 2] = np.inf
    np.savez(tmp_path / "t.npz", X=rows)
    summary = fit(tmp_path / "t.npz", tmp_path / "b", ["ecod"])
    assert (summary.manifest.split.rows, summary.manifest.split.left_out) == (300, 2)
    assert "2 rows are left out; the first is row 5: infinite:x2" in summary.notes


def test_progress_rises_from_nothing_to_all(thyroid, tmp_path):
    seen = []
    fit(thyroid, tmp_path / "b", ["ecod"], progress=lambda doing, share: seen.append((doing, share)))
    assert [doing for doing, _ in seen] == ["reading thyroid.npz", "fitting ecod", "calibrating", "done"]
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_what_is_wrong_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "taken").mkdir()
    missing = tmp_path / "missing.csv"
    with pytest.raises(UsageError, match="did you mean ecod"):
        fit(missing, tmp_path / "b", ["ecot"])
    with pytest.raises(BaselineError, match="exists already"):
        fit(missing, tmp_path / "taken", ["ecod"])
    with pytest.raises(DataError, match=r"missing\.csv: cannot be read"):
        fit(missing, tmp_path / "b", ["ecod"])


def test_data_that_cannot_be_used_is_refused_and_nothing_is_written(thyroid, tmp_path):
    with pytest.raises(DataError, match="has no column 'y' to ignore; it has x0, x1"):
        fit(thyroid, tmp_path / "b", ["ecod"], ignore=["y"])
    np.savez(tmp_path / "few.npz", X=adbench("38_thyroid").clean[:30])
    with pytest.raises(DataError, match="30 rows that can be scored are too few"):
        fit(tmp_path / "few.npz", tmp_path / "b", ["ecod"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.npz", "thyroid.npz"]


def test_a_detector_that_is_not_pyods_is_not_saved(thyroid, tmp_path, monkeypatch):
    monkeypatch.setattr("sidecar.scoring.iforest._expected_path", lambda rows: 10.0)
    with pytest.raises(BaselineError, match="iforest: compiled scores differ from PyOD's"):
        fit(thyroid, tmp_path / "b", ["ecod", "iforest"])
    assert not (tmp_path / "b").exists()
