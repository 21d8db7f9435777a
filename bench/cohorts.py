"""Is a gap in the training data found in traffic? Each of the ten digits is left out of training in turn.

    python -m bench.cohorts [--detectors ecod,iforest] [--threshold 0.1]

As in `tests/stories/test_cohorts.py`, but without processes and HTTP: the baseline and the model (a support
vector machine) know 700 rows of nine digits; traffic has 360 other rows of those and 110 of the tenth. What
is flagged is grouped. The largest cohort is labelled and added to the training rows; the gap is the accuracy
that is lost without the 110 rows, on rows that nobody has seen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from sidecar.baseline.cohorts.finding import find
from sidecar.baseline.fit import fit
from sidecar.cohort import KeptRow, Question
from sidecar.exchange import Payload, Tensor
from sidecar.features import lay_out
from sidecar.scoring import artifact, sample


class Result(NamedTuple):
    """What became of one digit. `found` are rows of the largest cohort."""

    flagged: int
    hidden: int
    found: int
    purity: float
    cohorts: int
    closed: float
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cohorts", description=__doc__.partition("\n")[0])
    parser.add_argument("--detectors", default="ecod,iforest")
    parser.add_argument("--threshold", type=float, default=0.1)
    options = parser.parse_args()
    print(f"{options.detectors}, threshold {options.threshold:g}; of 110 rows of the digit left out:")
    print("digit  flagged  of the digit  largest cohort  purity  cohorts  gap closed  seconds")
    with tempfile.TemporaryDirectory() as folder:
        for digit in range(10):
            one = left_out(digit, options.detectors.split(","), options.threshold, Path(folder))
            print(
                f"{digit:5}{one.flagged:9}{one.hidden:14}{one.found:16}{one.purity:8.2f}{one.cohorts:9}"
                f"{one.closed:12.0%}{one.seconds:9.2f}"
            )
    return 0


def left_out(digit: int, detectors: list[str], threshold: float, folder: Path) -> Result:
    """Leave one digit out, and see what is found."""
    X, y = load_digits(return_X_y=True)
    X, shuffle = X.astype(np.float64), np.random.default_rng(digit)
    known, hidden = (shuffle.permutation(np.flatnonzero(which)) for which in (y != digit, y == digit))
    traffic = shuffle.permutation(np.concatenate((known[700:1060], hidden[:110])))
    test, train = np.concatenate((known[1060:], hidden[110:])), known[:700]

    np.savez(folder / "train.npz", X=X[train])
    baseline = fit(folder / "train.npz", folder / "baseline", detectors, replace=True).baseline
    features = lay_out(Payload("v2", (Tensor("x", X[traffic]),)), baseline.schema)
    score = baseline.score(features, threshold)
    rows = tuple(
        KeptRow(i, f"call-{i}", 0, 0.0, score.row_p[i], "", "", features.values[i].tobytes())
        for i in score.flagged
    )
    clean = np.delete(features.values, score.flagged, axis=0).tobytes()
    _, arrays = artifact.read(Path(baseline.directory))
    began = process_time()
    answer = find(
        Question(baseline.directory, rows, clean),
        baseline.schema.fields,
        sample.values(arrays, baseline.schema),
    )
    seconds = process_time() - began

    is_hidden = y[traffic] == digit
    members = list(answer.groups[0].members) if answer.groups else []

    def accuracy(more: np.ndarray) -> float:
        rows = np.concatenate((train, more))
        return float(SVC(gamma=0.001).fit(X[rows], y[rows]).score(X[test], y[test]))

    without, best = accuracy(traffic[:0]), accuracy(traffic[is_hidden])
    return Result(
        len(rows),
        int(is_hidden[list(score.flagged)].sum()),
        len(members),
        float(is_hidden[members].mean()) if members else float("nan"),
        len(answer.groups),
        (accuracy(traffic[members]) - without) / (best - without),
        seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
