"""What a model's answers are expected to turn out to be, learned from rows whose truth is known.

    binary, with a score    the chance of the positive class: the score's calibration curve, corrected by
    the inputs other classes           the chance that the predicted class is right
    quantities              how large the error will be

The correction is an additive model of the inputs' bins. It makes two things possible: to estimate how
good the model is where no labels are (`sidecar.observer.truth.estimate`), and to tell an error that grew
because the inputs moved to where the model was always bad from one that grew for no such reason
(`concept`). For the second, rows fall into contexts of about equal expectation, and the truth of each
context's rows is counted. A reference row's expectation is that of a model which never saw it, one of three;
so later rows are asked about by the three in turn, and fall where the reference's would have. The mean of the
three is a better estimate, but another law: compared with it, errors that come again and again (as those of
trees do) would be a drift.

Learned by `sidecar.baseline.labelled`, or from the first window of rows with labels.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.scoring import boosting, isotonic
from sidecar.scoring.boosting import Codes, Floats, added, log_odds, sigmoid
from sidecar.scoring.isotonic import Curve

Kind = Literal["binary", "multiclass", "regression"]

FOLDS = 3
"""Parts of the rows: what is expected of each is learned from the others, so that it isn't known by heart."""

SURE = 2.0
"""Standard errors by which a correction must be better on rows that it wasn't learned from."""

CONTEXTS = 20
"""Contexts, where classes don't ask for more."""

MOST_CONTEXTS = 40
"""Contexts of all classes together."""

CELL_ROWS = 10
"""Reference rows for each outcome in each context, on average: where rows are few, so are contexts, or what
they say of unlikely outcomes would be chance."""

OUTCOMES = 8
"""Classes up to which each is an outcome; of more it only counts whether the prediction was right."""

ERRORS = 10
"""Bins of the errors of quantities, in units of what is expected."""

NEGLIGIBLE = 1e-6
"""Errors below this share of the truth's spread are none: it's how numbers were rounded, and no more."""

SAME = 1e-3
"""Errors that differ by less than this, in units of what is expected, are one error."""

BINS = 20
"""Bins of a predicted quantity."""

LEAST = 1e-9

Ints = NDArray[np.int64]


class Answers(msgspec.Struct, frozen=True):
    """Predictions of n rows: class numbers or quantities (n,), scores (n, s), and the inputs' bins (n,
    fields); without a reference for the inputs, fields is 0."""

    predicted: Floats
    scores: Floats
    codes: Codes

    def part(self, rows: NDArray[np.bool_] | Ints) -> Answers:
        """Some of the rows."""
        return Answers(self.predicted[rows], self.scores[rows], self.codes[rows])


class Expectation(msgspec.Struct, frozen=True):
    """What's expected, and what the reference's rows turned out to be by context. Immutable."""

    kind: Kind
    classes: int
    knots: NDArray[np.float64]
    """2 x k: the calibration curve of scores; k is 0 without scores."""
    table: NDArray[np.float64]
    """What each bin of each input, and of the prediction, adds."""
    square: NDArray[np.float64]
    """The same for the square of an error; empty for classes."""
    turns: NDArray[np.float64]
    """FOLDS tables, of which `table` is the mean: each from the rows of the other folds."""
    base: tuple[float, float]
    """What's added to: log odds, or the error and its square."""
    cuts: NDArray[np.float64]
    """Edges of the bins of a predicted quantity."""
    edges: NDArray[np.float64]
    """Edges between contexts, in what is expected."""
    errors: NDArray[np.float64]
    """Edges of the bins of errors."""
    seen: NDArray[np.bool_]
    """fields x 256: the bins that reference rows were in."""
    counts: NDArray[np.int64]
    """Contexts x outcomes: the reference's rows."""
    least: float = LEAST
    """Errors of quantities below this are none, and no smaller ones are expected."""

    def calibrated(self, answers: Answers) -> Floats:
        """The same as `expected` by the score alone, where there is one."""
        curve = self._curve(answers)
        return curve if curve is not None else self.expected(answers)

    def expected(self, answers: Answers) -> Floats:
        """Chance of the positive class, chance of being right, or size of the error; (n,)."""
        return self._at(answers, added(self.table, self._codes(answers)))

    def expected_in_turn(self, answers: Answers, first: int) -> Floats:
        """The same, each row by one of the folds' tables alone: what `contexts` and `outcomes` are told by.
        `first`: the number of the first row among all."""
        codes = self._codes(answers)
        turn = (first + np.arange(len(codes))) % len(self.turns)
        total: Floats = self.turns[turn[:, None], np.arange(codes.shape[1]), codes].sum(axis=1)
        return self._at(answers, total)

    def _at(self, answers: Answers, total: Floats) -> Floats:
        """What's expected where tables add so much."""
        if self.kind == "regression":
            return np.maximum(self.base[0] + total, self.least)
        curve = self._curve(answers)
        return sigmoid((log_odds(curve) if curve is not None else self.base[0]) + total)

    def expected_square(self, answers: Answers) -> Floats:
        """Square of the error of a quantity; (n,)."""
        square: Floats = np.maximum(self.base[1] + added(self.square, self._codes(answers)), LEAST)
        return square

    def contexts(self, answers: Answers, expected: Floats) -> Ints:
        """Each row's context; -1 where an input is unlike any of the reference's: nothing is known of it."""
        context: Ints = np.searchsorted(self.edges, expected, side="right")
        if not _by_score(self.kind, answers) and self.kind != "regression":
            context = context + answers.predicted.astype(np.int64) * (len(self.edges) + 1)
        known = self.seen[np.arange(len(self.seen)), answers.codes].all(axis=1)
        return np.where(known, context, -1)

    def outcomes(self, answers: Answers, expected: Floats, truth: Floats) -> Ints:
        """What became of each row, as the number of a column of `counts`."""
        if self.kind == "regression":
            error = _error(answers, truth, self.least) / expected
            found: Ints = np.searchsorted(self.errors, error, side="right")
            return found
        return _class_outcomes(self.classes, answers.predicted, truth)

    def _curve(self, answers: Answers) -> Floats | None:
        confidence = _confidence(self.kind, answers)
        return None if confidence is None else Curve(self.knots[0], self.knots[1])(confidence)

    def _codes(self, answers: Answers) -> Codes:
        return _with_prediction(self.kind, answers, self.cuts)


def learn(kind: Kind, classes: int, answers: Answers, truth: Floats) -> Expectation:
    """Learn from rows whose truth is known: 50 at least, and both classes of two."""
    cuts = np.zeros(0)
    if kind == "regression":
        cuts = np.unique(np.quantile(answers.predicted, np.arange(1, BINS) / BINS))
    codes = _with_prediction(kind, answers, cuts)
    confidence = _confidence(kind, answers)
    target = _target(kind, answers, truth)
    knots = np.zeros((2, 0))
    base = (0.0, 0.0)
    if confidence is not None:
        knots = np.array(isotonic.fit(confidence, target))
        offset = log_odds(Curve(*knots)(confidence))
    elif kind == "regression":
        base = (float(target.mean()), float(np.square(target).mean()))
        offset = np.full(len(truth), base[0])
    else:
        base = (float(log_odds(target.mean(keepdims=True))[0]), 0.0)
        offset = np.full(len(truth), base[0])
    loss: Literal["square", "logistic"] = "square" if kind == "regression" else "logistic"
    turns, apart = _folded(codes, target, offset, loss)
    square = np.zeros((0, boosting.WIDTH))
    if kind == "regression":
        squares, _ = _folded(codes, np.square(target), np.full(len(truth), base[1]), loss)
        square = squares.mean(axis=0)
    least = NEGLIGIBLE * _spread(truth) if kind == "regression" else LEAST
    expected = np.maximum(apart, least) if kind == "regression" else sigmoid(apart)
    groups = 1 if _by_score(kind, answers) or kind == "regression" else classes
    outcomes = ERRORS if kind == "regression" else _outcomes(classes)
    count = max(1, min(CONTEXTS, MOST_CONTEXTS // groups, len(truth) // (CELL_ROWS * outcomes * groups)))
    edges = np.unique(np.quantile(expected, np.arange(1, count) / count))
    errors = np.zeros(0)
    if kind == "regression":
        errors = _error_edges(_error(answers, truth, least) / expected)
    seen = np.zeros((answers.codes.shape[1], boosting.WIDTH), dtype=np.bool_)
    seen[np.arange(len(seen)), answers.codes] = True
    if kind == "regression":
        outcomes = len(errors) + 1
    found = Expectation(
        *(kind, classes, knots, turns.mean(axis=0), square, turns, base, cuts, edges, errors, seen),
        np.zeros(((len(edges) + 1) * groups, outcomes), dtype=np.int64),
        least,
    )
    at = (found.contexts(answers, expected), found.outcomes(answers, expected, truth))
    np.add.at(found.counts, at, 1)
    return found


def _folded(
    codes: Codes, target: Floats, offset: Floats, loss: Literal["square", "logistic"]
) -> tuple[Floats, Floats]:
    """The table of each fold, learned from the others' rows, and what it predicts for the fold's own."""
    fold = np.random.default_rng(0).permutation(len(target)) % FOLDS
    predicted = offset.copy()
    tables = []
    for part in range(FOLDS):
        others, own = fold != part, fold == part
        table = boosting.fit(codes[others], target[others], offset[others], loss)
        predicted[own] += added(table, codes[own])
        tables.append(table)
    gain = _losses(target, offset, loss) - _losses(target, predicted, loss)
    if gain.mean() <= SURE * gain.std() / np.sqrt(len(gain)):
        # What the inputs add is noise, because the prediction knew it already.
        return np.zeros_like(tables), offset
    return np.array(tables), predicted


def _error(answers: Answers, truth: Floats, least: float) -> Floats:
    error = truth - answers.predicted
    return np.where(np.abs(error) < least, 0.0, error)


def _error_edges(error: Floats) -> Floats:
    """Edges of bins that hold about equal shares of the errors. One that comes again and again has a bin of
    its own, so that a move away from it is seen to either side."""
    quantiles = np.quantile(error, np.arange(1, ERRORS) / ERRORS)
    edges: list[float] = []
    for one in np.split(quantiles, np.flatnonzero(np.diff(quantiles) > SAME) + 1):
        edges.extend(one.tolist() if len(one) == 1 else (one[0] - SAME, one[-1] + SAME))
    return np.unique(edges)


def _spread(truth: Floats) -> float:
    """How far apart true quantities lie, whatever a few of them are; of one quantity alone, its size."""
    low, high = np.quantile(truth, (0.25, 0.75))
    mean = float(np.abs(truth - np.median(truth)).mean())
    return float(high - low) or mean or float(np.abs(truth).max()) or 1.0


def _losses(target: Floats, at: Floats, loss: str) -> Floats:
    losses: Floats = np.square(target - at) if loss == "square" else np.logaddexp(0.0, at) - target * at
    return losses


def _by_score(kind: Kind, answers: Answers) -> bool:
    return kind == "binary" and answers.scores.shape[1] == 1


def _confidence(kind: Kind, answers: Answers) -> Floats | None:
    """The score that is calibrated: of the positive class, or of the class that is predicted."""
    if _by_score(kind, answers):
        return answers.scores[:, 0]
    if kind != "regression" and answers.scores.shape[1] > 1:
        top: Floats = answers.scores.max(axis=1)
        return top
    return None


def _target(kind: Kind, answers: Answers, truth: Floats) -> Floats:
    if kind == "regression":
        return np.abs(truth - answers.predicted)
    return truth if _by_score(kind, answers) else (truth == answers.predicted).astype(np.float64)


def _with_prediction(kind: Kind, answers: Answers, cuts: Floats) -> Codes:
    """The inputs' bins and the prediction's."""
    if _by_score(kind, answers):
        return answers.codes
    own = (
        np.searchsorted(cuts, answers.predicted, side="right") if kind == "regression" else answers.predicted
    )
    return np.column_stack((answers.codes, own.astype(np.uint8)))


def _outcomes(classes: int) -> int:
    return classes if classes <= OUTCOMES else 2


def _class_outcomes(classes: int, predicted: Floats, truth: Floats) -> Ints:
    return (truth if classes <= OUTCOMES else truth == predicted).astype(np.int64)
