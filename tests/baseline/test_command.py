"""`sidecar fit` as it is typed: what it prints, what it leaves behind, how it ends."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sidecar import cli
from sidecar.baseline import command
from sidecar.scoring.baseline import load
from tests.scoring.sets import adbench


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = adbench("38_thyroid").clean[:400]
    lines = [
        json.dumps({**{f"f{i}": x for i, x in enumerate(row)}, "id": f"row-{n}"})
        for n, row in enumerate(rows.tolist())
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    return tmp_path / "rows.jsonl"


def run(*arguments: object) -> int:
    return cli.main(["fit", *map(str, arguments)])


def test_the_outcome_is_told_in_sentences(data, tmp_path, capsys):
    assert run("--data", data, "--out", tmp_path / "b") == 0
    said = capsys.readouterr()
    baseline = load(tmp_path / "b")
    assert said.err == ""
    assert said.out.splitlines() == [
        "Read 400 rows of rows.jsonl: 9 fields (8 numbers, 1 category).",
        "Fitted on 261 rows, calibrated on 139 others (seed 0).",
        said.out.splitlines()[2],
        "knn-500: equal to PyOD 3.6.7 on 29 rows (largest relative difference 0).",
        "Of clean rows a threshold of 0.1 flags 4.95% to 16.56%; 0.01 flags 0.03% to 3.66%; 0.001 flags none"
        " at all, being below the finest p-value, 0.01 (19 times in 20).",
        "Note: column 'id' holds ids: their shape counts, not what they say.",
        f"Saved as {tmp_path / 'b'} ({baseline.digest}).",
    ]
    assert said.out.splitlines()[2].startswith(
        "ecod: equal to PyOD 3.6.7 on 29 rows (largest relative difference "
    )
    assert baseline.detectors == ("ecod", "knn-500")


def test_too_few_rows_for_the_usual_threshold_are_told(tmp_path, capsys):
    np.savez(tmp_path / "few.npz", X=adbench("38_thyroid").clean[:100])
    assert run("--data", tmp_path / "few.npz", "--out", tmp_path / "b") == 0
    assert "coarser than the usual threshold of 0.01. Give at least 200 rows." in capsys.readouterr().out
    assert load(tmp_path / "b").finest_p == pytest.approx(1 / 51)


def test_quiet_says_nothing(data, tmp_path, capsys):
    assert run("--data", data, "--out", tmp_path / "b", "--quiet", "--detectors", "ecod", "--seed", "3") == 0
    assert capsys.readouterr() == ("", "")
    assert load(tmp_path / "b").detectors == ("ecod",)


def test_what_is_there_is_replaced_only_by_force(data, tmp_path, capsys):
    arguments = ("--data", data, "--out", tmp_path / "b", "--quiet", "--detectors", "ecod")
    assert run(*arguments) == 0
    before = load(tmp_path / "b").digest
    assert run(*arguments, "--seed", "9") == 1
    assert (
        capsys.readouterr().err
        == f"sidecar: {tmp_path / 'b'}: exists already; choose another directory, or say --force\n"
    )
    assert load(tmp_path / "b").digest == before
    assert run(*arguments, "--seed", "9", "--force") == 0
    assert load(tmp_path / "b").digest != before


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--data", "x.csv"], 2, "the following arguments are required: --out"),
        (["--data", "x.csv", "--out", "b", "--seed", "one"], 2, "argument --seed: 'one' is no whole number"),
        (["--data", "x.csv", "--out", "b", "--seed", "-1"], 2, "argument --seed: '-1' is no whole number"),
        (
            ["--data", "x.csv", "--out", "b", "--seed", "4294967296"],
            2,
            "number from 0 to 4294967295",
        ),
        (
            ["--data", "x.csv", "--out", "b", "--detectors", "ecot"],
            2,
            'no detector "ecot"; did you mean ecod?',
        ),
        (["--data", "x.csv", "--out", "b", "--detectors", ","], 2, "no detectors; choose from"),
        (["--data", "x.csv", "--out", "b"], 1, "x.csv: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_ends_with_a_message_and_a_status(
    arguments, status, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == status
    assert message in capsys.readouterr().err


def test_arguments_are_understood_without_importing_pyod():
    program = (
        "import argparse, sys; from sidecar.baseline import command;"
        "command.add_arguments(argparse.ArgumentParser());"
        "assert not {'pyod', 'sklearn', 'pyarrow', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_names_may_have_spaces_and_the_help_every_argument():
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = parser.parse_args(["--data", "d.csv", "--out", "o", "--ignore", "a, b c ,"])
    assert command._names(arguments.ignore) == ["a", "b c"]
    assert all(action.help for action in parser._actions)


def test_on_a_terminal_there_is_a_bar_that_goes_away(data, tmp_path):
    ours, theirs = pty.openpty()
    command_line = [sys.executable, "-m", "sidecar.cli", "fit", "--data", data, "--out", tmp_path / "b"]
    able = {**os.environ, "TERM": "xterm"}  # a dumb terminal, as CI may have, gets no bar
    with subprocess.Popen(command_line, stderr=theirs, stdout=subprocess.PIPE, env=able) as process:
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody holds the other end
            while chunk := os.read(ours, 65_536):
                drawn += chunk
        os.close(ours)
        assert process.stdout is not None
        said = process.stdout.read()
    assert process.returncode == 0
    assert b"fitting knn-500" in drawn
    assert drawn.endswith((b"\x1b[2K", b"\x1b[?25h", b"\r"))
    assert said.startswith(b"Read 400 rows")
