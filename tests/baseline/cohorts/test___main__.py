"""The process itself: started as the observer starts it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sidecar import cohort
from sidecar.baseline.fit import fit
from sidecar.cohort import Question
from sidecar.scoring import artifact
from tests.observer.real import DATA, NAMES, draw
from tests.test_cohort import kept


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    np.savez(folder / "rows.npz", X=draw(400, seed=1), columns=NAMES)
    return fit(folder / "rows.npz", folder / "baseline", ["ecod"]).baseline.directory


def run(*arguments):
    command = [sys.executable, "-m", "sidecar.baseline.cohorts", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_question_in_a_file_is_answered_in_a_file(baseline, tmp_path):
    with np.load(DATA) as arrays:
        zeros = arrays["X"][arrays["y"] == 1][:50]
    rows = tuple(kept(i, *row) for i, row in enumerate(zeros.astype(float)))
    question = Question(baseline, rows, draw(100, seed=2).astype("<f8").tobytes())
    (tmp_path / "q").write_bytes(cohort.written(question))
    done = run(tmp_path / "q", tmp_path / "a")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    answer = cohort.answer((tmp_path / "a").read_bytes())
    assert len(answer.groups[0].members) > 40
    fitted_on = artifact.read(Path(baseline))[0].split.fit
    assert len(answer.reference) == fitted_on > 200, "training rows came with the baseline"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"no question", "Expected `object`"),
        (cohort.written(Question("/nowhere", (), b"")), "/nowhere: no such directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, content, words):
    if content is not None:
        (tmp_path / "q").write_bytes(content)
    done = run(tmp_path / "q", tmp_path / "a")
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "a").exists()


def test_rows_that_do_not_fit_the_baseline_are_refused(baseline, tmp_path):
    (tmp_path / "q").write_bytes(cohort.written(Question(baseline, (kept(1, 0.5),), b"")))
    done = run(tmp_path / "q", tmp_path / "a")
    assert (done.returncode, "cannot reshape" in done.stderr) == (1, True)
