"""The contest as a process: two real baselines over the same rows, also with a detector of PyOD's worker."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sidecar.baseline.contest import contest, main
from sidecar.baseline.fit import fit
from sidecar.contest import broken, read

RNG = np.random.default_rng(0)
MIXING = RNG.normal(size=(4, 4))
NAMES = ["a", "b", "c", "d"]


def dependent(rows: int) -> np.ndarray:
    """Columns that belong together."""
    return RNG.normal(size=(rows, 1)) * [1.0, 2.0, -1.0, 0.5] + 0.1 * RNG.normal(size=(rows, 4))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("contest")
    for name, rows, detectors in (
        ("champion", dependent(900), "knn,kde"),
        ("good", dependent(900), "knn,kde"),
        ("blind", RNG.normal(size=(900, 4)) * [1.0, 2.0, 1.0, 0.5], "knn"),
    ):
        np.savez(place / "rows.npz", X=rows, columns=NAMES)
        fit(place / "rows.npz", place / name, [detectors])
    lines = (json.dumps(dict(zip(NAMES, row, strict=True))) for row in dependent(200).tolist())
    (place / "rows.jsonl").write_text("\n".join(lines))
    return place


def test_a_challenger_of_the_same_kind_wins(place):
    found = contest(place / "champion", place / "good", place / "rows.jsonl", 0.02)
    assert found.rows == 200
    assert found.champion.shuffled_flagged > 0.3, "what doesn't belong together is seen"
    assert broken(found) == ()


def test_one_that_no_longer_sees_what_does_not_belong_together_loses(place):
    found = contest(place / "champion", place / "blind", place / "rows.jsonl", 0.02)
    assert found.challenger.shuffled_flagged < found.champion.shuffled_flagged / 2
    assert "shuffled" in broken(found)


def test_the_command_writes_its_answer_or_says_why_not(place, tmp_path, capsys):
    asked = [str(place / "champion"), str(place / "good"), str(place / "rows.jsonl"), "0.02"]
    assert main([*asked, str(tmp_path / "answer")]) == 0
    assert read((tmp_path / "answer").read_bytes()) == contest(*map(Path, asked[:3]), 0.02)
    assert main([str(tmp_path / "none"), *asked[1:], str(tmp_path / "answer")]) == 1
    assert "no such directory" in capsys.readouterr().err
