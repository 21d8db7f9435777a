"""Is a gap in the training data found in traffic? Each of the ten digits is left out of training in turn.

    python -m bench.cohorts [--detectors ocsvm] [--threshold 0.05] [--deals 3]

As in `tests/stories/test_cohorts.py`, but without processes and HTTP: the baseline and the model (a support
vector machine) know 700 rows of nine digits; traffic has 360 other rows of those and 110 of the tenth. What
is flagged is grouped. The largest cohort is labelled and added to the training rows, and once more all
cohorts; the gap is the accuracy that is lost without the 110 rows, on rows that nobody has seen. A deal is
another draw of which rows are for what; a figure is the mean over the deals, and the last line counts in how
many of them the largest cohort has a purity of 0.9 and closes four fifths of the gap.
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

GOALS = (("purity", 0.9), ("closed", 0.8))
"""What the largest cohort should reach."""


class Part(NamedTuple):
    """Rows of one or more cohorts: how many, the share that is of the digit, the share of the gap closed."""

    rows: int
    purity: float
    closed: float


class Result(NamedTuple):
    """What became of one digit in one deal."""

    flagged: int
    hidden: int
    """Flagged rows of the digit."""
    cohorts: int
    largest: Part
    all: Part
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cohorts", description=__doc__.partition("\n")[0])
    parser.add_argument("--detectors", default="ocsvm")
    parser.add_argument("--threshold", type=float, default=0.05)
    parser.add_argument("--deals", type=int, default=3)
    options = parser.parse_args()
    print(f"{options.detectors}, p at most {options.threshold:g}; of 110 rows of the digit left out:\n")
    print(
        "| digit | flagged | of the digit | cohorts | largest: rows | purity | gap closed | all: purity |",
        end="",
    )
    print(" gap closed | seconds |\n" + "| --- " * 10 + "|")
    detectors, every = options.detectors.split(","), []
    with tempfile.TemporaryDirectory() as folder:
        for digit in range(10):
            deals = [
                left_out(digit, deal, detectors, options.threshold, Path(folder))
                for deal in range(options.deals)
            ]
            print(_line(digit, deals), flush=True)
            every += deals
    print(_counted(every))
    return 0


def _counted(every: list[Result]) -> str:
    """In how many deals it is as it should be."""
    pure, closed = ([getattr(one.largest, what) >= least for one in every] for what, least in GOALS)
    with_all = sum(one.all.closed >= dict(GOALS)["closed"] for one in every)
    both = sum(map(all, zip(pure, closed, strict=True)))
    return (
        f"\nOf {len(every)} deals the largest cohort has a purity of 0.9 in {sum(pure)}, closes 80 % of the"
        f" gap in {sum(closed)}, does both in {both};\nall cohorts together close 80 % in {with_all}."
    )


def _line(digit: int, deals: list[Result]) -> str:
    """Means over the deals."""
    flagged, hidden, cohorts = (np.mean([one[i] for one in deals]) for i in range(3))
    rows, purity, closed = np.mean([one.largest for one in deals], axis=0)
    _, purity_all, closed_all = np.mean([one.all for one in deals], axis=0)
    seconds = np.mean([one.seconds for one in deals])
    return (
        f"| {digit} | {flagged:.0f} | {hidden:.0f} | {cohorts:.1f} | {rows:.0f} | {purity:.2f} | {closed:.0%}"
        f" | {purity_all:.2f} | {closed_all:.0%} | {seconds:.2f} |"
    )


def left_out(digit: int, deal: int, detectors: list[str], threshold: float, folder: Path) -> Result:
    """Leave one digit out, and see what is found."""
    X, y = load_digits(return_X_y=True)
    X, shuffle = X.astype(np.float64), np.random.default_rng(digit + 100 * deal)
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

    def accuracy(more: np.ndarray) -> float:
        rows = np.concatenate((train, more))
        return float(SVC(gamma=0.001).fit(X[rows], y[rows]).score(X[test], y[test]))

    without, best = accuracy(traffic[:0]), accuracy(traffic[is_hidden])

    def part(members: list[int]) -> Part:
        if not members:
            return Part(0, 0.0, 0.0)
        closed = (accuracy(traffic[members]) - without) / (best - without)
        return Part(len(members), float(is_hidden[members].mean()), closed)

    found = [list(group.members) for group in answer.groups]
    return Result(
        len(rows),
        int(is_hidden[list(score.flagged)].sum()),
        len(found),
        part(found[0] if found else []),
        part([row for members in found for row in members]),
        seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
