"""Performance without labels: how far estimates are off on NannyML's car loans, in chunks of 5,000 rows.

Learned from the reference half, asked of the other one, of which half has drifted. NannyML's own CBPE is
asked the same, in the environment that the bench installs it into.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.rig import installs
from sidecar.labels.realised import Rows, measures
from sidecar.observer.truth.estimate import estimates
from sidecar.scoring.expectation import Answers, learn

CHUNK = 5_000
DATA = "lib/python3*/site-packages/nannyml/datasets/data"

PEER = """
import json, warnings
warnings.filterwarnings("ignore")
import nannyml
reference, analysis, _ = nannyml.load_synthetic_car_loan_dataset()
cbpe = nannyml.CBPE(problem_type="classification_binary", y_pred_proba="y_pred_proba", y_pred="y_pred",
    y_true="repaid", timestamp_column_name="timestamp", metrics=["accuracy", "roc_auc"], chunk_size=%d)
found = cbpe.fit(reference).estimate(analysis).filter(period="analysis").to_df()
print(json.dumps([list(found[(name, "value")]) for name in ("accuracy", "roc_auc")]))
"""


def off_by() -> None:
    """The table."""
    try:
        home = installs.environment("nannyml")
        folder = next(home.glob(DATA))
    except (installs.Missing, StopIteration) as error:
        print(f"estimates: left out: {error}", file=sys.stderr)
        return
    reference = _read(folder / "synthetic_car_loan_reference.csv", ("y_pred_proba", "y_pred", "repaid"))
    analysis = _read(folder / "synthetic_car_loan_analysis.csv", ("y_pred_proba", "y_pred"))
    truth = _read(folder / "synthetic_car_loan_analysis_target.csv", ("repaid",))[:, 0]
    known = learn("binary", 2, _answers(reference), reference[:, 2])
    realised, ours = [], []
    for start in range(0, len(truth), CHUNK):
        answers, true = _answers(analysis[start : start + CHUNK]), truth[start : start + CHUNK]
        found = measures("binary", Rows(answers.predicted, true, answers.scores), 2)
        estimated = estimates(known, answers)
        realised.append([found["accuracy"].value, found["auroc"].value])
        ours.append([estimated["accuracy"], estimated["auroc"]])
    print("\nEstimated without labels, car_loan: mean absolute error over chunks of 5,000 rows\n")
    print(f"{'':12}{'accuracy':>12}{'AUROC':>12}")
    for name, found in (("ours", np.array(ours)), ("NannyML", _peer(home))):
        accuracy, auroc = np.abs(found - realised).mean(axis=0)
        print(f"{name:12}{accuracy:>12.5f}{auroc:>12.5f}")


def _read(file: Path, columns: tuple[str, ...]) -> NDArray[np.float64]:
    with file.open(encoding="utf-8") as lines:
        names = lines.readline().strip().split(",")
        return np.genfromtxt(lines, delimiter=",", usecols=[names.index(name) for name in columns], ndmin=2)


def _answers(rows: NDArray[np.float64]) -> Answers:
    """Score and class, without inputs: a calibration needs none."""
    return Answers(rows[:, 1], rows[:, :1], np.zeros((len(rows), 0), dtype=np.uint8))


def _peer(home: Path) -> NDArray[np.float64]:
    command = [str(home / "bin" / "python"), "-c", PEER % CHUNK]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    return np.array(json.loads(said.strip().splitlines()[-1])).T
