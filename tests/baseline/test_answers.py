"""A model that answers some normal questions wrongly, on real data: fitted, saved, read, and found."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from sidecar.baseline import answers
from sidecar.baseline.fit import fit
from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.exchange import Payload, Tensor
from sidecar.features import lay_out
from sidecar.scoring.answers import load

DIGITS = load_digits()
ORDER = np.random.default_rng(0).permutation(len(DIGITS.data))
PIXELS, CLASSES = DIGITS.data[ORDER], DIGITS.target[ORDER]
MODEL = RandomForestClassifier(50, random_state=0).fit(PIXELS[:600], CLASSES[:600])
KNOWN, LIVE = slice(600, 1400), slice(1400, None)


def probabilities(pixels):
    return [[f"{p:.4f}" for p in row] for row in MODEL.predict_proba(pixels)]


def labels(pixels):
    return [[f"digit {found}"] for found in MODEL.predict(pixels)]


def saved(tmp_path: Path, answer) -> Path:
    told = answer(PIXELS[KNOWN])
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*(f"x{i}" for i in range(64)), *(f"answer:p{i}" for i in range(len(told[0])))])
        lines.writerows([*row, *its] for row, its in zip(PIXELS[KNOWN].tolist(), told, strict=True))
    return tmp_path / "rows.csv"


def p_values(reference, questions, told):
    columns = zip(*told, strict=True)
    tensors = tuple(Tensor(f"p{i}", np.array(column, dtype=object)) for i, column in enumerate(columns))
    return reference.p_many(questions, lay_out(Payload("test", tensors), reference.schema).matrix)


@pytest.mark.parametrize("answer", [probabilities, labels])
def test_wrong_answers_to_normal_questions_are_odd(tmp_path, answer):
    summary = fit(saved(tmp_path, answer), tmp_path / "b", ["ecod"], outputs=["answer:*"])
    reference = load(tmp_path / "b")
    assert summary.baseline.schema.names == tuple(f"x{i}" for i in range(64))
    questions = lay_out(Payload("test", (Tensor("x", PIXELS[LIVE]),)), summary.baseline.schema).matrix
    told = answer(PIXELS[LIVE])
    right, wrong = p_values(reference, questions, told), p_values(reference, questions, told[1:] + told[:1])
    found = MODEL.predict(PIXELS[LIVE])
    others = found != np.roll(found, -1)
    assert (right <= 0.05).mean() < 0.09
    assert (wrong[others] <= 0.05).mean() > 0.75
    assert np.median(wrong[others]) < 0.05 < 0.3 < np.median(right)


def test_a_baseline_without_answers_has_no_reference_of_them(tmp_path):
    fit(saved(tmp_path, labels), tmp_path / "b", ["ecod"], ignore=["answer:p0"])
    assert load(tmp_path / "b") is None


def test_answers_that_cannot_be_compared_cost_only_themselves(tmp_path):
    data = saved(tmp_path, lambda pixels: [["same"] for _ in pixels])
    summary = fit(data, tmp_path / "b", ["ecod"], outputs=["answer:*"])
    assert [note for note in summary.notes if note.startswith("answers are not scored: ")]
    assert load(tmp_path / "b") is None


def test_columns_of_answers_are_taken_by_name_or_beginning():
    table = Table(Path("t.csv"), {name: np.arange(2.0) for name in ("a", "p1", "p2", "q")})
    rest, found = answers.taken(table, ["p*", "q"])
    assert (list(rest.columns), list(found.columns)) == (["a"], ["1", "2", "q"])
    assert answers.taken(table, [])[1] is None
    with pytest.raises(DataError, match="has no column 'z' of answers"):
        answers.taken(table, ["z"])


def test_rows_without_an_answer_are_left_out_and_no_kind_of_answer(tmp_path):
    random = np.random.default_rng(0)
    rows = random.normal(size=(900, 2))
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["a", "b", "y", "label"])
        for i, (a, b) in enumerate(rows.tolist()):
            lines.writerow([a, b, *([a, "x" if a > 0 else "z"] if i % 3 else ["", ""])])
    fit(tmp_path / "rows.csv", tmp_path / "b", ["ecod"], outputs=["y", "label"])
    reference = load(tmp_path / "b")
    assert [field.missing for field in reference.schema.fields] == [False, False]
    assert reference.finest_p == pytest.approx(1 / 200, rel=0.1), "two thirds of 299 calibrate"
