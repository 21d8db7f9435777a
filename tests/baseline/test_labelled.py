"""Labelled rows of the training data, from a file to the observer that compares live labels with them."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, mean_absolute_error, roc_auc_score

from sidecar import cli
from sidecar.baseline.fit import fit
from sidecar.errors import DataError, UsageError
from sidecar.labels.prediction import Roles
from sidecar.scoring import validation


def write(path: Path, columns: dict[str, object]) -> Path:
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))
    return path


def cancer(tmp_path: Path, **changed: object) -> Path:
    X, y = load_breast_cancer(return_X_y=True)
    X = X[:, :4]
    p = LogisticRegression(max_iter=1000).fit(X[:250], y[:250]).predict_proba(X)[:, 1]
    labels = [
        "" if i < 250 else str(label) for i, label in enumerate(y)
    ]  # the model knows the first by heart
    inputs = {f"x{i}": X[:, i] for i in range(4)}
    return write(tmp_path / "rows.csv", {**inputs, "answer:p": p, "benign": labels, **changed})


def fitted(file: Path, out: Path, **options: object) -> object:
    return fit(file, out, ["ecod"], outputs=["answer:*"], label="benign", **options)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    file = cancer(folder)
    summary = fitted(file, folder / "b")
    rows = np.genfromtxt(file, delimiter=",", skip_header=1)[250:]
    return summary, rows, folder / "b"


def test_how_good_the_model_was_is_kept(known):
    summary, rows, out = known
    told = validation.load(out).told
    assert told == summary.manifest.validation
    assert (told.outputs, told.roles, told.rows) == (("p",), Roles("binary", (0.0, 1.0), -1, (0,)), len(rows))
    p, y = rows[:, 4], rows[:, 5]
    assert told.measures["auroc"][0] == pytest.approx(roc_auc_score(y, p))
    value, low, high = told.measures["accuracy"]
    assert value == pytest.approx(accuracy_score(y, p > 0.5))
    assert low < value < high


def test_label_and_answer_are_no_inputs(known):
    assert known[0].baseline.schema.names == ("x0", "x1", "x2", "x3")


def test_what_was_learned_comes_back(known):
    _, rows, out = known
    found = validation.load(out).known
    assert found.counts.sum() == len(rows), "each labelled row is in a context"
    assert found.counts[:, 1].sum() == rows[:, 5].sum()
    assert found.seen.shape == (4, 256)


def test_a_quantity(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    said = LinearRegression().fit(X[:200], y[:200]).predict(X)
    columns = {"a": X[:, 0], "b": X[:, 2], "answer:value": said, "truth": y}
    file = write(tmp_path / "rows.csv", columns)
    fit(file, tmp_path / "b", ["ecod"], outputs=["answer:*"], label="truth")
    told, found = validation.load(tmp_path / "b")
    assert told.roles == Roles("regression", predicted=0)
    assert told.measures["mae"][0] == pytest.approx(mean_absolute_error(y, said))
    assert found.counts.sum() == len(y)


def test_a_baseline_without_labels_has_none(tmp_path):
    fit(cancer(tmp_path), tmp_path / "b", ["ecod"], ignore=["benign"], outputs=["answer:*"])
    assert validation.load(tmp_path / "b") is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"benign": [1] * 30 + [""] * 539}, "30 rows have labels, and it takes 50"),
        ({"benign": [1] * 560 + [0] * 9}, "of each of the two classes it takes 10"),
        (
            {"benign": ["cat", "cow", "dog"] * 189 + ["cat"] * 2},
            "no output speaks of the classes cat, cow, dog",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(tmp_path, changed, message):
    with pytest.raises(DataError, match=message):
        fitted(cancer(tmp_path, **changed), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_label_needs_answers_and_a_column(tmp_path):
    file = cancer(tmp_path)
    with pytest.raises(UsageError, match="--label needs --outputs"):
        fit(file, tmp_path / "b", ["ecod"], label="benign")
    with pytest.raises(DataError, match="no column 'malignant' of labels"):
        fit(file, tmp_path / "b", ["ecod"], outputs=["answer:*"], label="malignant")
    with pytest.raises(UsageError, match="prediction: 'p' should be one of"):
        fitted(file, tmp_path / "b", prediction="p")


def test_the_command_says_how_good_the_model_was(tmp_path, capsys):
    out = ("--out", str(tmp_path / "b"), "--detectors", "ecod")
    labels = ("--outputs", "answer:*", "--label", "benign", "--prediction", "score=p,positive=0")
    assert cli.main(["fit", "--data", str(cancer(tmp_path)), *out, *labels]) == 0
    said = capsys.readouterr().out
    assert "How good the model was on 319 labelled rows: accuracy 0." in said
    assert validation.load(tmp_path / "b").told.roles.classes == (1.0, 0.0)
