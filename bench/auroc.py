"""How well detectors tell outliers apart: AUROC of each, and of ensembles, under one protocol.

    python -m bench.auroc [--seeds 3] [--ensembles ecod+knn-500,ecod+iforest] [--sets tests/data/adbench]
    python -m bench.auroc --kept figures.json --seconds 120       again and again, until it has all

The protocol is ADBench's for unsupervised detectors: 70 % of the rows, outliers among them and without
labels, to fit on, at most 10,000; 30 % to score; both with the set's share of outliers. A figure is the mean
over the seeds. An ensemble has no more rows than a single detector: it fits on nine tenths of them, and the
last tenth brings the scores to one scale. Where PyOD cannot fit or score, the AUROC counts as 0.5, a coin's.
Detectors of PyOD's worker are fitted on as many rows as the product gives them, and take up to a tenth of a
second for a row, so they score at most 300 outliers of the test rows and 300 of the others: an AUROC is about
pairs of both kinds, so the share of either doesn't matter.

Whoever looks at the table and takes its first line has looked at the answers. So the last lines say what
comes of choosing honestly: for each set that candidate is taken which is best on the mean of all other sets,
and counted on the one that it was not chosen by.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from sidecar.baseline.calibrating import COMBINATION
from sidecar.baseline.command import DETECTORS as DEFAULT
from sidecar.baseline.fitting import RECIPES, fit_detector
from sidecar.baseline.uncompiled import Uncompiled
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.scoring.calibration import Surprise
from sidecar.scoring.combination import COMBINATIONS, combined
from sidecar.scoring.detector import Scores
from sidecar.scoring.detectors import DETECTORS
from sidecar.wanted import read

ROWS = 10_000
APART = ("abod", "kde", "hdbscan", "featurebagging", "kpca", "lscp(detector_list=[lof, lof(n_neighbors=15)])")
"""Of PyOD's worker; those that need no further packages."""

FEW = 300
"""Test rows of each kind that those score at most."""

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
    singles = tuple(wanted.text for wanted in read(options.detectors))
    kept = Kept(options.kept, options.seconds)
    for seed in range(options.seeds):
        for file in files:
            kept.measure(file, seed, singles, ensembles)
            print(f"seed {seed}: {file.stem}", file=sys.stderr)
    if kept.over:
        print(f"{len(kept.figures)} figures are kept; start it again for the others")
        return 3
    rows = kept.rows(files, options.seeds)
    names = [file.stem.partition("_")[2][:6] for file in files]
    print(f"{'':26}{'mean':>7}  {' '.join(f'{name:>6}' for name in names)}")
    for label, found in sorted(rows.items(), key=lambda row: -float(np.mean(row[1]))):
        each = " ".join(f"{value:6.3f}" for value in np.mean(found, axis=0))
        print(f"{label.partition('(')[0] or label:26}{np.mean(found):7.4f}  {each}")
    for what, labels in (("single", singles), ("ensemble", [one for one in rows if one not in singles])):
        if len(labels) > 1:
            chosen = {label: np.mean(rows[label], axis=0) for label in labels}
            print(_chosen(what, chosen, names))
    return 0


class Kept:
    """Figures so far, kept in `file` if there is one; nothing more is measured after `seconds`."""

    def __init__(self, file: Path | None, seconds: float) -> None:
        self.figures: dict[str, dict[str, float]] = {}
        """Set and seed -> label -> AUROC."""
        self.over = False
        self._file, self._until = file, time.monotonic() + seconds
        if file is not None and file.exists():
            self.figures = msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, float]])

    def measure(
        self, file: Path, seed: int, singles: Sequence[str], ensembles: Sequence[tuple[str, ...]]
    ) -> None:
        """Measure what isn't known of one set under one seed."""
        found = self.figures.setdefault(f"{file.stem} {seed}", {})
        part = split(file, seed)
        for name in singles:
            if name not in found and not self._stopped():
                found[name] = _auroc(*_scored(name, part, seed))
                self._keep()
        if any(label not in found for label, _, _ in _labels(ensembles)) and not self._stopped():
            found.update(combined_aurocs(part, ensembles, seed))
            self._keep()

    def rows(self, files: Sequence[Path], seeds: int) -> dict[str, list[list[float]]]:
        """Label -> AUROC by seed and set."""
        labels = self.figures[f"{files[0].stem} 0"]
        return {
            label: [[self.figures[f"{file.stem} {seed}"][label] for file in files] for seed in range(seeds)]
            for label in labels
        }

    def _stopped(self) -> bool:
        self.over = self.over or time.monotonic() > self._until
        return self.over

    def _keep(self) -> None:
        if self._file is not None:
            fresh = self._file.with_suffix(".fresh")
            fresh.write_bytes(msgspec.json.encode(self.figures))
            fresh.replace(self._file)


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


def combined_aurocs(part: Split, ensembles: Sequence[tuple[str, ...]], seed: int) -> dict[str, float]:
    """AUROC of each ensemble under each combination, by label."""
    cut = len(part.train) * 9 // 10
    both = np.vstack((part.train[cut:], part.test))
    needed = sorted({name for names in ensembles for name in names})
    scores = {name: _scores(name, part.train[:cut], both, seed) for name in needed}
    found = {}
    for label, names, combination in _labels(ensembles):
        able = [one for one in (scores[name] for name in names) if one is not None]
        found[label] = _auroc(part.outlier, _joined(able, len(part.train) - cut, combination))
    return found


def _labels(ensembles: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """What each ensemble under each combination is called, its detectors, and the combination."""
    for names in ensembles:
        for combination in COMBINATIONS if len(names) > 2 else ("fisher", "maximum"):
            ours = " *" if (",".join(names), combination) == (DEFAULT, COMBINATION) else ""
            yield f"{'+'.join(names)} {combination}{ours}", names, combination


def _scored(name: str, part: Split, seed: int) -> tuple[NDArray[np.int64], Scores | None]:
    """Which of the test rows are outliers, and a single detector's scores of them."""
    if name not in APART:
        return part.outlier, _scores(name, part.train, part.test, seed)
    few = np.concatenate([np.flatnonzero(part.outlier == kind)[:FEW] for kind in (0, 1)])
    return part.outlier[few], _scores(name, part.train, part.test[few], seed)


def _joined(scores: Sequence[Scores], standard: int, combination: str) -> Scores | None:
    if not scores:
        return None
    surprises = [Surprise(each[:standard]) for each in scores]
    raw = np.column_stack([each[standard:] for each in scores])
    return combined(surprises, COMBINATIONS[combination], raw)


def _scores(name: str, train: Matrix, rows: Matrix, seed: int) -> Scores | None:
    """None where PyOD cannot fit."""
    try:
        model = fit_detector(read(name)[0], train, seed)
    except DataError:
        return None
    if name in DETECTORS:
        return DETECTORS[name].from_pyod(model).score_many(rows)
    try:
        return Uncompiled(model, alone=False).score_many(rows)
    except ValueError as error:  # LSCP, where detectors agree so well that a histogram has no width
        print(f"{name}: PyOD cannot score: {error}", file=sys.stderr)
        return None


def _auroc(outlier: NDArray[np.int64], scores: Scores | None) -> float:
    return COIN if scores is None else float(roc_auc_score(outlier, np.nan_to_num(scores)))


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
    parser.add_argument("--kept", type=Path, help="a file of figures: those in it aren't measured again")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop then; goes with --kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
