"""Labels while nothing moves: how often the test of the truth is wrong, for each kind of prediction.

Rows of five ADBench sets are drawn at random; the model predicts one of their columns, as a quantity or by
its quantiles as classes. The reference is one window of labels, and the stream as many rows as twenty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.drift.data import REFERENCE, STATIONARY, adbench, draw, reference
from bench.drift.episodes import models, target_first
from bench.drift.replay import RATE
from sidecar.observer.drift import WINDOWS_PER_FALSE_ALARM, Detector
from sidecar.observer.truth.concept import Concept
from sidecar.observer.truth.truth import TESTS
from sidecar.scoring.bins import Bins
from sidecar.scoring.expectation import Answers, Expectation, learn

WINDOWS, SIZES, LOOK = 20, (500, 1_000), 100
QUANTILES = {"quantities": (), "scores": (0.5,), "classes": (0.5,), "four classes": (0.25, 0.5, 0.75)}
"""Kind of prediction -> where the column is cut into classes."""

Rows = Callable[[int], tuple[Answers, Any]]


def quiet_truths(repeats: int) -> None:
    """The table."""
    print(f"\nLabels, nothing having moved: windows of {SIZES[0]} and {SIZES[1]:,} rows with an alarm\n")
    print(
        f"{'':14}{'windows':>9}{'alarms':>8}{'95 % below':>12}   promised {1 / WINDOWS_PER_FALSE_ALARM:.2%}"
    )
    for kind in QUANTILES:
        windows = alarms = 0
        for known, rows, size in _streams(kind, repeats):
            seen, alarmed = _stream(known, *rows(WINDOWS * size), size)
            windows, alarms = windows + seen, alarms + alarmed
        bound = stats.beta.ppf(0.95, alarms + 1, windows - alarms)
        print(f"{kind:14}{windows:>9}{alarms:>8}{bound:>12.3%}", flush=True)


def _streams(kind: str, repeats: int) -> Iterator[tuple[Expectation, Rows, int]]:
    for name in STATIONARY:
        for seed in range(repeats):
            random = np.random.default_rng(seed)
            rows, classes = _predicted(kind, target_first(adbench(name)), random)
            for size in SIZES:
                what = "regression" if not classes else "binary" if classes == 2 else "multiclass"
                yield learn(what, classes, *rows(size)), rows, size  # type: ignore[arg-type]


def _predicted(kind: str, pool: Any, random: np.random.Generator) -> tuple[Rows, int]:
    """Rows with their truth, as many as are asked for; and the number of classes."""
    inputs, truth, classes = pool[:, 1:], pool[:, 0], 0
    scores = np.zeros((len(pool), 0))
    if QUANTILES[kind]:
        cuts = np.unique(np.quantile(truth, QUANTILES[kind]))
        truth, classes = np.searchsorted(cuts, truth).astype(float), len(cuts) + 1
        train = random.permutation(len(pool))[:800]
        model = HistGradientBoostingClassifier(max_iter=15, random_state=0).fit(inputs[train], truth[train])
        if kind == "scores":
            scores = model.predict_proba(inputs)[:, 1:]
    else:
        model, _ = models(pool, random)
    predicted = model.predict(inputs)
    codes = Bins(reference(draw(inputs, REFERENCE, random))).within(inputs)

    def rows(count: int) -> tuple[Answers, Any]:
        at = random.integers(len(pool), size=count)
        return Answers(predicted[at], scores[at], codes[at]), truth[at]

    return rows, classes


def _stream(known: Expectation, answers: Answers, truth: Any, size: int) -> tuple[int, bool]:
    """Windows seen, and whether there was an alarm."""
    test = Detector(Concept("truth", known), size, TESTS)
    expected = known.expected_in_turn(answers, 0)
    contexts = known.contexts(answers, expected)
    cells = contexts * known.counts.shape[1] + known.outcomes(answers, expected, truth)
    counts, tested = np.zeros(known.counts.size, dtype=np.int64), 0
    for start in range(0, len(truth), LOOK):
        part = slice(start, start + LOOK)
        counted = cells[part][contexts[part] >= 0]
        counts, tested = counts + np.bincount(counted, minlength=len(counts)), tested + len(counted)
        test.update(tested, counts, start / RATE)
        if test.alarm is not None:
            return max(1, start // size), True
    return WINDOWS, False
