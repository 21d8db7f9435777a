"""Odd answers to normal questions: how many wrong answers of a real model are found, without labels.

    python -m bench.answers

A random forest is trained on a third of each set; the reference is half of the rest with its answers; the
other half are live calls. Wrong answers: a call gets the answer of another class (classes of probabilities or
labels moved on by one), or the value mirrored. `found` are wrong answers with p <= 0.01, `false` right ones.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from bench.mixed import auroc
from sidecar.baseline import answers
from sidecar.baseline.split import split
from sidecar.baseline.tables import Table
from sidecar.exchange import Payload, Tensor
from sidecar.features import lay_out
from sidecar.scoring.answers import from_arrays

ROWS = 9_000
SETS = Path(__file__).parent.parent / "tests" / "data" / "adbench"

Matrix: TypeAlias = np.ndarray[Any, Any]


def main() -> None:
    warnings.simplefilter("ignore")
    digits, cancer, diabetes = load_digits(), load_breast_cancer(), load_diabetes()
    for form in ("probabilities", "label"):
        report("digits", digits.data, digits.target, form)
        report("breast cancer", cancer.data, cancer.target, form)
    for name in ("23_mammography", "32_shuttle", "28_pendigits"):
        found = np.load(SETS / f"{name}.npz")
        report(name, found["X"], found["y"], "probabilities")
    report("diabetes", diabetes.data, diabetes.target, "value")


def report(name: str, rows: Matrix, truth: Matrix, form: str) -> None:
    """Fit a model, learn its answers, exchange some, print what was found."""
    order = np.random.default_rng(0).permutation(len(rows))[:ROWS]
    rows, truth = rows[order], truth[order]
    third = len(rows) // 3
    kind = RandomForestRegressor if form == "value" else RandomForestClassifier
    model = kind(100, random_state=0).fit(rows[:third], truth[:third])
    known, live = rows[third : 2 * third], rows[2 * third :]
    low, typical, high = np.quantile(known, (0.25, 0.5, 0.75), axis=0)
    spread = np.where(high > low, (high - low) / 2, known.std(axis=0))
    spread = np.where(spread > 0, spread, 1.0)
    parts = split(np.arange(len(known)), known.shape[1], 0)
    table = Table(Path("answers"), columns(told(model, known, form)))
    schema, arrays = answers.fit(table, known, parts, typical, spread, 0)
    reference = from_arrays(schema, arrays, typical, spread)
    right = told(model, live, form)
    began = time.process_time()
    clean = reference.p_many(live, laid_out(right, schema))
    took = (time.process_time() - began) / len(live) * 1e6
    odd = reference.p_many(live, laid_out(wrong(model, right, form), schema))
    print(
        f"{name:16} {form:14} {len(known):5} rows   AUROC {auroc(-clean, -odd):.3f}"
        f"   found {(odd <= 0.01).mean():6.1%}   false {(clean <= 0.01).mean():6.2%}"
        f"   at 0.05: {(odd <= 0.05).mean():6.1%} and {(clean <= 0.05).mean():6.2%}   {took:.0f} us"
    )


def told(model: Any, rows: Matrix, form: str) -> Matrix:
    if form == "probabilities":
        return np.asarray(model.predict_proba(rows))
    answer = model.predict(rows)[:, None]
    return np.array([[f"c{one}"] for one in answer[:, 0]], dtype=object) if form == "label" else answer


def wrong(model: Any, right: Matrix, form: str) -> Matrix:
    if form == "probabilities":
        return np.roll(right, 1, axis=1)
    if form == "label":
        names = [f"c{one}" for one in model.classes_]
        moved = [[names[(names.index(one) + 1) % len(names)]] for one in right[:, 0]]
        return np.array(moved, dtype=object)
    return np.asarray(right.max() + right.min() - right)


def columns(answer: Matrix) -> dict[str, Matrix]:
    return {f"p{i}": column for i, column in enumerate(answer.T)}


def laid_out(answer: Matrix, schema: Any) -> Matrix:
    tensors = tuple(Tensor(name, column) for name, column in columns(answer).items())
    return lay_out(Payload("bench", tensors), schema).matrix


if __name__ == "__main__":
    main()
