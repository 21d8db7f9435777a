"""PyOD models that score for themselves: relied on only when they come out the same again."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline import uncompiled
from sidecar.baseline.fitting import fit_detector
from sidecar.baseline.uncompiled import Uncompiled, again, same, tried
from sidecar.errors import BaselineError
from sidecar.wanted import Wanted, read

TRAIN = np.random.default_rng(0).normal(size=(80, 3))
ROWS = np.vstack((TRAIN[:5], TRAIN[:3] + 4.0))


def wanted(text: str) -> Wanted:
    return read(text)[0]


def test_scores_are_pyods():
    found = tried(wanted("kde(bandwidth=0.7)"), TRAIN, ROWS, 0)
    expected = fit_detector(wanted("kde(bandwidth=0.7)"), TRAIN, 0).decision_function(ROWS)
    assert found.detector.score_many(ROWS) == pytest.approx(expected, rel=1e-9)
    assert found.detector.score(ROWS[0]) == pytest.approx(expected[0], rel=1e-9)
    assert found.detector.score_many(ROWS[:0]).shape == (0,)
    assert not found.alone


def test_a_row_that_depends_on_its_neighbours_is_asked_alone():
    """PyOD's COPOD joins the batch to the training rows (pyod#401)."""
    found = tried(wanted("featurebagging(base_estimator=copod())"), TRAIN, ROWS, 0)
    assert found.alone
    assert found.detector.score_many(ROWS).tolist() == [found.detector.score(row) for row in ROWS]


class Moody:
    """A model that draws a number for each fit, as one without a seed would."""

    fits = 0

    def __init__(self) -> None:
        Moody.fits += 1
        self._own = float(Moody.fits)

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        return rows.sum(axis=1) + self._own


class Deaf:
    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        return np.full(len(rows), 0.66)


def test_what_comes_out_different_again_is_refused(monkeypatch):
    monkeypatch.setattr(uncompiled, "fit_detector", lambda *_: Moody())
    with pytest.raises(BaselineError, match=r"kde: fitted again on the same data .* leave this detector out"):
        tried(wanted("kde"), TRAIN, ROWS, 0)


def test_what_gives_every_row_the_same_score_is_refused(monkeypatch):
    monkeypatch.setattr(uncompiled, "fit_detector", lambda *_: Deaf())
    with pytest.raises(BaselineError, match="every row that comes alone the same score"):
        tried(wanted("kde"), TRAIN, ROWS, 0)


class Sociable:
    """As PyOD's AE1SVM under NumPy 2.4."""

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        if len(rows) == 1:
            raise ValueError("setting an array element with a sequence.")
        return rows.sum(axis=1)


def test_what_fails_on_a_row_alone_is_refused(monkeypatch):
    monkeypatch.setattr(uncompiled, "fit_detector", lambda *_: Sociable())
    with pytest.raises(BaselineError, match="no score for a row that comes alone: setting an array element"):
        tried(wanted("kde"), TRAIN, ROWS, 0)


def test_a_detector_that_scores_otherwise_than_stored_is_refused():
    scores = tried(wanted("kde"), TRAIN, ROWS, 0).scores
    found = again(wanted("kde"), TRAIN, 0, alone=False, rows=ROWS, scores=scores)
    assert isinstance(found, Uncompiled)
    with pytest.raises(BaselineError, match="scores differently from when the baseline was made"):
        again(wanted("kde"), TRAIN, 0, alone=False, rows=ROWS, scores=scores * (1 + 1e-8))
    with pytest.raises(BaselineError, match="scores differently"):
        again(wanted("kde"), TRAIN[:79], 0, alone=False, rows=ROWS, scores=scores)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, np.nan], [1.0 + 1e-12, np.nan], True),
        ([1.0, np.nan], [1.0, 2.0], False),
        ([np.inf, 0.0], [np.inf, 0.0], True),
        ([1.0, 2.0], [1.0, 2.1], False),
    ],
)
def test_the_same_to_the_last_digits_that_pyod_has(first, second, expected):
    assert same(np.array(first), np.array(second)) is expected
