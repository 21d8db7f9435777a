"""Concept drift: how often alarms are false and how late they come, beside river's detectors on the same
rows.

Elec, shuffled, and a gradient-boosted model of it. After some thousand rows 20 % of the labels are swapped.
River's detectors see whether each answer was right, as they're made to; ours sees prediction, inputs and
label.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.drift.data import reference
from bench.drift.replay import RATE
from sidecar.observer.drift import LOOK_ROWS, WINDOWS_PER_FALSE_ALARM, Detector
from sidecar.observer.sequential import STEP
from sidecar.observer.truth.concept import Concept
from sidecar.observer.truth.truth import TESTS
from sidecar.scoring.bins import Bins
from sidecar.scoring.expectation import Answers, learn

TRAIN, WINDOW, BEFORE, AFTER, SWAPPED = 5_000, 1_000, 3_000, 3_000, 0.2


def rivers() -> dict[str, Callable[[], Any]]:
    """River's detectors; none where it isn't installed."""
    try:
        from river import drift
    except ModuleNotFoundError:
        print("river is left out, because it is not installed: pip install river", file=sys.stderr)
        return {}
    return {
        "river HDDM_W": drift.binary.HDDMW,
        "river HDDM_A": drift.binary.HDDMA,
        "river ADWIN": drift.ADWIN,
        "river DDM": drift.binary.DDM,
        "river Page-Hinkley": drift.PageHinkley,
    }


class Pool(NamedTuple):
    """Rows that the model never saw, its answers to them, and the truth."""

    answers: Answers
    truth: np.ndarray[Any, Any]

    def draw(self, rows: int, random: np.random.Generator) -> Pool:
        at = random.integers(len(self.truth), size=rows)
        return Pool(self.answers.part(at), self.truth[at])


class Run(NamedTuple):
    """Rows before anything moved, false alarms among them, and rows until the alarm after it (None: none)."""

    quiet: int
    false: int
    delay: int | None


def pool(file: Path) -> Pool:
    """Elec with a model's answers."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        table = np.genfromtxt(lines, delimiter=",", skip_header=1, dtype=str)
    table = np.random.default_rng(0).permutation(table)
    X, y = table[:, :-1].astype(float), (table[:, -1] == sorted(set(table[:, -1]))[1]).astype(float)
    model = HistGradientBoostingClassifier(random_state=0).fit(X[:TRAIN], y[:TRAIN])
    p = model.predict_proba(X[TRAIN:])[:, 1]
    codes = Bins(reference(X[:TRAIN])).within(X[TRAIN:])
    return Pool(Answers((p > 0.5).astype(float), p[:, None], codes), y[TRAIN:])


def concept(file: Path, streams: int) -> None:
    """The table."""
    rows = pool(file)
    error = float(np.mean(rows.answers.predicted != rows.truth))
    print(f"\nConcept drift: elec, shuffled, 20 % of labels swapped; the model errs in {error:.1%}\n")
    print(
        f"{'':34}{'streams':>8}{'rows':>10}{'false per 10,000':>18}"
        f"{'median delay':>14}{'90 %':>7}{'missed':>8}"
    )
    classes = Answers(rows.answers.predicted, rows.answers.scores[:, :0], rows.answers.codes)
    without = Pool(classes, rows.truth)
    for name, source, known in (
        ("ours, 5,000 rows known", rows, 5_000),
        ("ours, the first window of 1,000", rows, WINDOW),
        ("ours, classes without scores", without, 5_000),
    ):
        _line(name, [_ours(source, known, seed) for seed in range(streams)])
    for name, make in rivers().items():
        _line(name, [_river(rows, make(), seed) for seed in range(streams)])
    promised = 10_000 / (WINDOWS_PER_FALSE_ALARM * WINDOW)
    print(f"promised: {promised:g} per 10,000 rows, over all tests of a flow")


def _line(name: str, runs: list[Run]) -> None:
    quiet, false = sum(run.quiet for run in runs), sum(run.false for run in runs)
    delays = sorted(np.inf if run.delay is None else run.delay for run in runs if not run.false)
    median, late = np.quantile(delays or [np.nan], (0.5, 0.9), method="higher")
    missed = sum(run.delay is None and not run.false for run in runs)
    print(
        f"{name:34}{len(runs):>8}{quiet:>10,}{false / quiet * 1e4:>18.3f}"
        f"{median:>14.0f}{late:>7.0f}{missed:>8}",
        flush=True,
    )


def _stream(rows: Pool, random: np.random.Generator) -> Pool:
    found = rows.draw(BEFORE + AFTER, random)
    swapped = random.random(BEFORE + AFTER) < SWAPPED
    swapped[:BEFORE] = False
    return Pool(found.answers, np.where(swapped, 1 - found.truth, found.truth))


def _ours(rows: Pool, known: int, seed: int) -> Run:
    random = np.random.default_rng(seed)
    past = rows.draw(known, random)
    expectation = learn("binary", 2, *past)
    detector = Detector(Concept("label", expectation), WINDOW, TESTS)
    answers, truth = _stream(rows, random)
    expected = expectation.expected_in_turn(answers, 0)
    contexts = expectation.contexts(answers, expected)
    width = expectation.counts.shape[1]
    cells = contexts * width + expectation.outcomes(answers, expected, truth)
    counts, tested = np.zeros(expectation.counts.size, dtype=np.int64), 0
    start = 0
    # Once nothing can be false any more, as often as the observer looks at most.
    for end in (*range(STEP, BEFORE, STEP), *range(BEFORE, len(truth) + 1, LOOK_ROWS)):
        part, start = slice(start, end), end
        counted = cells[part][contexts[part] >= 0]
        counts, tested = counts + np.bincount(counted, minlength=len(counts)), tested + len(counted)
        detector.update(tested, counts, end / RATE)
        if detector.alarm is not None:
            return Run(min(end, BEFORE), end <= BEFORE, end - BEFORE)
    return Run(BEFORE, 0, None)


def _river(rows: Pool, detector: Any, seed: int) -> Run:
    random = np.random.default_rng(seed)
    rows.draw(5_000, random)  # so that the stream is the same as ours
    answers, truth = _stream(rows, random)
    false = 0
    for at, wrong in enumerate((answers.predicted != truth).astype(int).tolist(), 1):
        detector.update(wrong)
        if detector.drift_detected and at > BEFORE:
            return Run(BEFORE, false, at - BEFORE)
        false += detector.drift_detected
    return Run(BEFORE, false, None)
