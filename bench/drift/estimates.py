"""Performance without labels: how far estimates are off on NannyML's car loans, in chunks of 5,000 rows.

Learned from the reference half, asked of the other one, of which half has drifted. NannyML's own CBPE is
asked the same, in the environment that the bench installs it into. What a chunk's rows turned out to be is
chance, too: the last row tells how far off estimates are whose probabilities are the very truth (labels drawn
by them). Intervals are for other chunks like these (bootstrap over chunks).

Beside them stand two forms that use the inputs and that the sidecar doesn't tell: the score corrected by the
inputs, and the score calibrated anew for each chunk, with reference rows weighted by how much likelier they
are now, as PAPE does (Bialek et al. 2024, "Estimating Model Performance Under Covariate Shift Without
Labels"); the odds are those of boosted stumps.
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
from sidecar.observer.truth.estimate import auroc, estimates
from sidecar.scoring import boosting, isotonic
from sidecar.scoring.expectation import Answers, learn

CHUNK = 5_000
BINS = 20
DRAWS = 200
"""Times that labels are drawn for each chunk, to learn what chance alone does."""
COLUMNS = ("y_pred_proba", "y_pred", "car_value", "debt_to_income_ratio", "loan_length", "driver_tenure")
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
    reference = _read(folder / "synthetic_car_loan_reference.csv", (*COLUMNS, "repaid"))
    analysis = _read(folder / "synthetic_car_loan_analysis.csv", COLUMNS)
    truth = _read(folder / "synthetic_car_loan_analysis_target.csv", ("repaid",))[:, 0]
    bins = [np.quantile(column, np.arange(1, BINS) / BINS) for column in reference[:, 2:-1].T]
    then, true_then = _answers(reference, bins), reference[:, -1]
    known = learn("binary", 2, then, true_then)
    random = np.random.default_rng(0)
    realised, chance, ours, corrected, weighted = [], [], [], [], []
    for start in range(0, len(truth), CHUNK):
        answers, true = _answers(analysis[start : start + CHUNK], bins), truth[start : start + CHUNK]
        found = measures("binary", Rows(answers.predicted, true, answers.scores), 2)
        realised.append([found["accuracy"].value, found["auroc"].value])
        estimated = estimates(known, answers)
        ours.append([estimated["accuracy"], estimated["auroc"]])
        drawn = random.random((DRAWS, len(true))) < known.calibrated(answers)
        told = np.array([_by(one.astype(float), answers) for one in drawn])
        chance.append(np.abs(told - ours[-1]).mean(axis=0))
        corrected.append(_by(known.expected(answers), answers))
        score = isotonic.fit(then.scores[:, 0], true_then, _odds(then, answers))(answers.scores[:, 0])
        weighted.append(_by(score, answers))
    forms = {"ours": ours, "NannyML": _peer(home), "corrected": corrected, "weighted": weighted}
    _table({name: np.abs(np.array(found) - realised) for name, found in forms.items()}, np.array(chance))


def _table(off: dict[str, NDArray[np.float64]], chance: NDArray[np.float64]) -> None:
    """`off`: by form, how far each chunk's accuracy and AUROC are off."""
    print("\nEstimated without labels, car_loan: mean absolute error over chunks of 5,000 rows\n")
    print(f"{'':28}{'accuracy':>10}{'95 %':>20}{'AUROC':>10}{'95 %':>20}")
    off = off | {"ours less NannyML's": off["ours"] - off["NannyML"], "chance alone": chance}
    at = np.random.default_rng(0).integers(len(chance), size=(10_000, len(chance)))
    for name, each in off.items():
        low, high = np.quantile(each[at].mean(axis=1), (0.025, 0.975), axis=0)
        cells = [
            f"{mean:>10.5f}{f'{a:.5f} to {b:.5f}':>20}"
            for mean, a, b in zip(each.mean(axis=0), low, high, strict=True)
        ]
        print(f"{name:28}{''.join(cells)}")


def _read(file: Path, columns: tuple[str, ...]) -> NDArray[np.float64]:
    with file.open(encoding="utf-8") as lines:
        names = lines.readline().strip().split(",")
        return np.genfromtxt(lines, delimiter=",", usecols=[names.index(name) for name in columns], ndmin=2)


def _answers(rows: NDArray[np.float64], bins: list[NDArray[np.float64]]) -> Answers:
    """Score, class and inputs."""
    columns = rows[:, 2 : 2 + len(bins)].T
    codes = [np.searchsorted(edges, column) for edges, column in zip(bins, columns, strict=True)]
    return Answers(rows[:, 1], rows[:, :1], np.column_stack(codes).astype(np.uint8))


def _by(p: NDArray[np.float64], answers: Answers) -> list[float]:
    """Accuracy and AUROC if each row is of the positive class with this chance."""
    right = np.where(answers.predicted == 1, p, 1 - p)
    return [float(right.mean()), auroc(p, answers.scores[:, 0])]


def _odds(then: Answers, now: Answers) -> NDArray[np.float64]:
    """How much likelier each reference row is now than it was."""
    codes = np.concatenate((then.codes, now.codes))
    late = np.repeat((0.0, 1.0), (len(then.codes), len(now.codes)))
    usual = np.full(len(late), np.log(len(now.codes) / len(then.codes)))
    return np.exp(boosting.added(boosting.fit(codes, late, usual, "logistic"), then.codes))


def _peer(home: Path) -> NDArray[np.float64]:
    command = [str(home / "bin" / "python"), "-c", PEER % CHUNK]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    return np.array(json.loads(said.strip().splitlines()[-1])).T
