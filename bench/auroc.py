"""How well detectors tell outliers apart: AUROC of each, and of ensembles, under one protocol.

    python -m bench.auroc [--seeds 3] [--ensembles ecod+knn-500,ecod+iforest] [--sets tests/data/adbench]

The protocol is ADBench's for unsupervised detectors: 70 % of the rows, outliers among them and without
labels, to fit on, at most 10,000; 30 % to score; both with the set's share of outliers. A figure is the mean
over the seeds. An ensemble has no more rows than a single detector: it fits on nine tenths of them, and the
last tenth brings the scores to one scale. Where PyOD cannot fit, the AUROC counts as 0.5, that of a coin.

Whoever looks at the table and takes its first line has looked at the answers. So the last lines say what
comes of choosing honestly: for each set that candidate is taken which is best on the mean of all other sets,
and counted on the one that it was not chosen by.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from sidecar.baseline.calibrating import COMBINATION
from sidecar.baseline.command import DETECTORS as DEFAULT
from sidecar.baseline.fitting import RECIPES, fit_detector
from sidecar.baseline.uncompiled import Uncompiled
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.scoring.baseline import combined
from sidecar.scoring.calibration import Surprise
from sidecar.scoring.combination import COMBINATIONS
from sidecar.scoring.detector import Scores
from sidecar.scoring.detectors import DETECTORS

ROWS = 10_000
APART = ("abod", "kde", "hdbscan", "featurebagging", "kpca")
"""Of PyOD's worker; those that need no parameters and no further packages."""

CANDIDATES = ",".join(
    (
        *("ecod+knn-500", "iforest+knn-500", "copod+knn-500", "hbos+knn-500", "pca+knn-500", "mcd+knn-500"),
        *("ecod+iforest", "ecod+knn", "ecod+sampling", "iforest+sampling", "ecod+cblof", "iforest+cblof"),
        *("ecod+inne", "ecod+loda", "ecod+iforest+knn-500", "hbos+iforest+knn-500"),
    )
)
"""Ensembles to choose among: of detectors that take microseconds, one that looks at values and one that looks
at the whole row, and a few others."""

COIN = 0.5


class Split(NamedTuple):
    """One set under one seed."""

    train: Matrix
    test: Matrix
    outlier: NDArray[np.int64]
    """Of each test row: 1 for an outlier."""


def main() -> int:
    options = _arguments()
    files = sorted(options.sets.glob("*.npz"))
    ensembles = [tuple(names.split("+")) for names in options.ensembles.split(",")]
    singles = tuple(options.detectors.split(","))
    rows: dict[str, list[list[float]]] = {}
    for seed in range(options.seeds):
        for file in files:
            for label, auroc in measured(split(file, seed), singles, ensembles, seed):
                rows.setdefault(label, [[] for _ in range(options.seeds)])[seed].append(auroc)
            print(f"seed {seed}: {file.stem}", file=sys.stderr)
    names = [file.stem.partition("_")[2][:6] for file in files]
    print(f"{'':26}{'mean':>7}  {' '.join(f'{name:>6}' for name in names)}")
    for label, found in sorted(rows.items(), key=lambda row: -float(np.mean(row[1]))):
        each = " ".join(f"{value:6.3f}" for value in np.mean(found, axis=0))
        print(f"{label:26}{np.mean(found):7.4f}  {each}")
    for what, labels in (("single", singles), ("ensemble", [one for one in rows if one not in singles])):
        if len(labels) > 1:
            chosen = {label: np.mean(rows[label], axis=0) for label in labels}
            print(_chosen(what, chosen, names))
    return 0


def _chosen(what: str, aurocs: dict[str, NDArray[np.float64]], names: Sequence[str]) -> str:
    """A line for candidates, each with its AUROC on every set, chosen without the set that counts."""
    counted, took = [], []
    for place in range(len(names)):
        others = {label: np.delete(each, place).mean() for label, each in aurocs.items()}
        took.append(max(others, key=lambda label: others[label]))
        counted.append(float(aurocs[took[-1]][place]))
    each = " ".join(f"{value:6.3f}" for value in counted)
    times = ", ".join(f"{label} {took.count(label)} times" for label in dict.fromkeys(took))
    return f"{f'{what}, chosen blind':26}{np.mean(counted):7.4f}  {each}\n  ({times})"


def split(file: Path, seed: int) -> Split:
    """Shuffle and deal out 70 to 30, outliers and others each. Columns that are constant in training are left
    out, as `sidecar fit` does."""
    with np.load(file) as data:
        X, y = data["X"].astype(np.float64), data["y"].astype(np.int64)
    rng = np.random.default_rng(seed)
    test = np.zeros(len(y), dtype=bool)
    for kind in (0, 1):
        own = rng.permutation(np.flatnonzero(y == kind))
        test[own[: round(0.3 * len(own))]] = True
    train = rng.permutation(X[~test])[:ROWS]
    varying = train.min(axis=0) < train.max(axis=0)
    return Split(np.ascontiguousarray(train[:, varying]), np.ascontiguousarray(X[test][:, varying]), y[test])


def measured(
    part: Split, singles: Sequence[str], ensembles: Sequence[tuple[str, ...]], seed: int
) -> Iterator[tuple[str, float]]:
    """(label, AUROC) of each single detector and of each ensemble under each combination."""
    for name in singles:
        yield name, _auroc(part, _scores(name, part.train, part.test, seed))
    cut = len(part.train) * 9 // 10
    both = np.vstack((part.train[cut:], part.test))
    needed = sorted({name for names in ensembles for name in names})
    scores = {name: _scores(name, part.train[:cut], both, seed) for name in needed}
    for names in ensembles:
        found = [scores[name] for name in names]
        for combination in COMBINATIONS if len(names) > 2 else ("fisher", "maximum"):
            statistic = _joined([s for s in found if s is not None], len(part.train) - cut, combination)
            ours = " *" if (",".join(names), combination) == (DEFAULT, COMBINATION) else ""
            yield f"{'+'.join(names)} {combination}{ours}", _auroc(part, statistic)


def _joined(scores: Sequence[Scores], standard: int, combination: str) -> Scores | None:
    if not scores:
        return None
    surprises = [Surprise(each[:standard]) for each in scores]
    raw = np.column_stack([each[standard:] for each in scores])
    return combined(surprises, COMBINATIONS[combination], raw)


def _scores(name: str, train: Matrix, rows: Matrix, seed: int) -> Scores | None:
    """None where PyOD cannot fit."""
    try:
        model = fit_detector(name, train, seed)
    except DataError:
        return None
    if name in DETECTORS:
        return DETECTORS[name].from_pyod(model).score_many(rows)
    return Uncompiled(model, alone=False).score_many(rows)


def _auroc(part: Split, scores: Scores | None) -> float:
    return COIN if scores is None else float(roc_auc_score(part.outlier, np.nan_to_num(scores)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--detectors",
        default=",".join((*(name for name in RECIPES if name != "mad"), *APART)),
        help="single ones, comma-separated",
    )
    parser.add_argument("--ensembles", default=CANDIDATES, help="names joined by +")
    parser.add_argument("--sets", type=Path, default=Path("tests/data/adbench"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
