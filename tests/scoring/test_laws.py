"""The law of every compiled detector: its score is PyOD's `decision_function` of that row alone.

On thirteen real sets and on data that breaks things; one row and many; whatever else is in the batch; and
again after it has been stored and read back. What PyOD itself cannot fit is written down, in `REFUSED`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance

from sidecar.baseline.agreement import relative
from sidecar.baseline.fitting import fit_detector, quiet
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.scoring.detector import Additive, Detector
from sidecar.scoring.detectors import DETECTORS
from tests.scoring.sets import SETS, adbench, ends

every_detector = pytest.mark.parametrize("name", DETECTORS)


def odd(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def symmetric() -> Matrix:
    """Skewness exactly zero, in which ECOD adds both tails."""
    half = odd().integers(1, 5, (40, 3)).astype(float)
    return odd(1).permutation(np.vstack((half, -half, np.zeros((5, 3)))))


def constants() -> Matrix:
    return np.column_stack((np.full(120, 0.1), odd().normal(size=120), np.zeros(120), np.full(120, -1e9)))


MADE: dict[str, Callable[[], Matrix]] = {
    "one column": lambda: odd().normal(size=(150, 1)),
    "two columns": lambda: odd().normal(size=(150, 2)),
    "constant columns": constants,
    "a single constant": lambda: np.full((60, 1), 0.1),
    "nearly constant": lambda: np.nextafter(np.full((60, 2), 0.1), odd().integers(0, 2, (60, 2))),
    "integers": lambda: odd().integers(-3, 4, (200, 5)).astype(float),
    "symmetric": symmetric,
    "symmetric, one column": lambda: np.ascontiguousarray(symmetric()[:, :1]),
    "float32": lambda: odd().normal(size=(200, 4)).astype(np.float32).astype(float),
    "all rows equal but one": lambda: np.vstack((np.ones((60, 3)), np.full((1, 3), 2.0))),
    "far from zero": lambda: 1.7e9 + odd().normal(size=(200, 3)),
    "heavy tails": lambda: odd().standard_cauchy(size=(300, 4)) ** 3,
    "tiny": lambda: odd().normal(size=(100, 3)) * 1e-70,
    "vanishing": lambda: odd().normal(size=(100, 3)) * 1e-150,
    "huge": lambda: odd().normal(size=(100, 3)) * 1e30,
    "few rows": lambda: odd().normal(size=(12, 3)),
    "many columns": lambda: odd().normal(size=(60, 300)),
}


WIDEST = {"mad": 1}
"""Columns that a detector can have at most. The others of a set are left out for it."""

SMALL = ("a single constant", "nearly constant", "all rows equal but one", "tiny", "vanishing")

REFUSED: dict[str, tuple[str, ...]] = {
    "cblof": ("20_letter", "a single constant", "nearly constant"),
    "hbos": ("nearly constant",),
    "loda": ("nearly constant",),
    "ocsvm": ("far from zero",),
    "pca": ("constant columns", "a single constant", "all rows equal but one"),
    "mcd": SMALL,
    "sampling": ("few rows",),
}
"""Data on which PyOD raises, or has no finite score for its own training rows. Of the real sets CBLOF finds
no large clusters in letter."""

BY_PROCESSOR = {"pca": ("6_cardio",)}
"""Data that PyOD can fit or not depending on the last bits of the processor's linear algebra: of cardio's 500
rows a column is constant, and its variance is zero or a rounding error. (`sidecar fit` leaves such columns
out.)"""

UNSTEADY = {("gmm", "far from zero")}
"""Where PyOD does not agree with itself, a row alone against the same row among others: scikit-learn
multiplies before it subtracts, so what a billion squared cancels to is up to the processor. We are held to
its own spread."""


def fits(*data: str) -> pytest.MarkDecorator:
    """Each detector with each of `data`, where it can be fitted."""
    pairs = [
        (name, d)
        for name in DETECTORS
        for d in data
        if d not in REFUSED.get(name, ()) + BY_PROCESSOR.get(name, ())
    ]
    return pytest.mark.parametrize(("name", "data"), pairs)


def training_rows(name: str, data: str) -> Matrix:
    train = MADE[data]() if data in MADE else adbench(data).clean[:500]
    return np.ascontiguousarray(train[:, : WIDEST.get(name)])


@cache
def fitted(name: str, data: str) -> tuple[Any, Detector, Matrix]:
    """A PyOD model, its compiled form, and its training rows."""
    train = training_rows(name, data)
    model = fit_detector(name, train, seed=0)
    return model, DETECTORS[name].from_pyod(model), train


def rows_to_score(data: str, train: Matrix) -> Matrix:
    if data in MADE:
        noise = odd(7).normal(size=(6, train.shape[1])) * train.std(axis=0)
        return np.vstack((train[:4], train[:6] + noise, ends(train)))
    found, width = adbench(data), train.shape[1]
    return np.vstack((train[:2], found.clean[-6:, :width], found.outliers[:6, :width], ends(train)))


def alone(model: Any, rows: Matrix) -> np.ndarray:
    with quiet():
        return np.array([model.decision_function(row[None])[0] for row in rows])


# -- equal to PyOD -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data"), [(name, data) for name in REFUSED for data in REFUSED[name]])
def test_what_pyod_cannot_fit_is_refused(name, data):
    with pytest.raises(DataError, match=r"PyOD's .* (cannot be fitted on this data|has no finite score)"):
        fit_detector(name, training_rows(name, data), seed=0)


@fits(*SETS, *MADE)
def test_score_is_pyods_of_that_row_alone(name, data):
    model, detector, train = fitted(name, data)
    rows = rows_to_score(data, train)
    expected = alone(model, rows)
    allowed = 1e-9
    if (name, data) in UNSTEADY:
        with quiet():
            allowed = max(allowed, 4 * relative(model.decision_function(rows), expected))
    assert relative(np.array([detector.score(row) for row in rows]), expected) <= allowed
    assert relative(detector.score_many(rows), expected) <= allowed


@pytest.mark.parametrize("name", [name for name in DETECTORS if name not in ("mad", "mcd")])
def test_a_thousand_columns_score_as_in_pyod(name):
    """MAD is for one column, and MCD has a test of its own."""
    train = odd().normal(size=(60, 1000))
    model = fit_detector(name, train, seed=0)
    detector = DETECTORS[name].from_pyod(model)
    rows = np.vstack((train[:1], train[1:2] + odd(7).normal(size=(1, 1000))))
    expected = alone(model, rows)
    assert relative(np.array([detector.score(row) for row in rows]), expected) <= 1e-9
    assert relative(detector.score_many(rows), expected) <= 1e-9


def test_mcd_scores_a_thousand_columns_as_in_pyod():
    """Its search for the most compact half takes minutes there, so what it would find is put in its place:
    the location and covariance of all rows. What makes a score of these is PyOD's own."""
    train = odd().normal(size=(1200, 1000))
    model = fit_detector("mcd", train[:, :2], seed=0)
    plain = EmpiricalCovariance().fit(train)
    for name in ("location_", "covariance_", "precision_", "n_features_in_"):
        setattr(model.detector_, name, getattr(plain, name))
    detector = DETECTORS["mcd"].from_pyod(model)
    rows = np.vstack((train[:1], train[1:2] + odd(7).normal(size=(1, 1000))))
    expected = alone(model, rows)
    assert relative(np.array([detector.score(row) for row in rows]), expected) <= 1e-9
    assert relative(detector.score_many(rows), expected) <= 1e-9


@every_detector
@pytest.mark.parametrize("huge", [1e30, -1e30, 1e100, -1e100, 1e200, -1e200])
def test_extreme_values_score_as_in_pyod(name, huge):
    model, detector, train = fitted(name, "28_pendigits")
    rows = np.vstack((np.full_like(train[:1], huge), train[:3]))
    rows[1:, -1] = huge
    scores, expected = detector.score_many(rows), alone(model, rows)
    # Where PyOD subtracts infinities there is no score, and the row will be `unscored`.
    numbers = ~np.isnan(expected)
    assert (np.isnan(scores) == ~numbers).all()
    assert relative(scores[numbers], expected[numbers]) <= 1e-9


@fits("integers", "symmetric", "38_thyroid")
def test_score_between_training_values_is_pyods(name, data):
    """A value that training never had, in every gap and at the roots of what decides about the skewness."""
    model, detector, train = fitted(name, data)
    values = np.unique(train[:, 0])
    between = values[:-1] + np.diff(values) * odd().random(len(values) - 1)
    rows = np.repeat(train[:1], min(40, len(between)), axis=0)
    rows[:, 0] = between[: len(rows)]
    rows[:, -1] = train[:, -1].mean()
    assert relative(detector.score_many(rows), alone(model, rows)) <= 1e-9


# -- of one row and of many --------------------------------------------------------------------------


@fits("28_pendigits", "symmetric", "one column", "constant columns")
def test_neighbours_in_the_batch_change_nothing(name, data):
    _, detector, train = fitted(name, data)
    rows = rows_to_score(data, train)
    single = np.array([detector.score(row) for row in rows])
    for times in (1, 2, 40):
        batch = np.tile(rows, (times, 1))
        order = odd().permutation(len(batch))
        scores = np.empty(len(batch))
        scores[order] = detector.score_many(batch[order])
        assert relative(scores, np.tile(single, times)) <= 1e-12


@every_detector
def test_scoring_leaves_its_input_alone_and_takes_it_in_any_layout(name):
    _, detector, train = fitted(name, "28_pendigits")
    rows = rows_to_score("28_pendigits", train)
    before = rows.copy()
    rows.setflags(write=False)
    expected = detector.score_many(rows)
    assert relative(detector.score_many(np.asfortranarray(rows)), expected) <= 1e-12
    assert relative(detector.score_many(np.repeat(rows, 2, axis=0)[::2]), expected) <= 1e-12
    detector.score(rows[0])
    assert (rows == before).all()


@every_detector
def test_no_rows_give_no_scores(name):
    _, detector, train = fitted(name, "28_pendigits")
    assert detector.score_many(train[:0]).shape == (0,)


@pytest.mark.parametrize("name", [name for name in DETECTORS if hasattr(DETECTORS[name], "contributions")])
@pytest.mark.parametrize("data", ["6_cardio", "symmetric", "constant columns"])
def test_contributions_add_up_to_the_score(name, data):
    _, detector, train = fitted(name, data)
    assert isinstance(detector, Additive)
    rows = rows_to_score(data, train)
    for row in rows:
        parts = detector.contributions(row)
        assert len(parts) == train.shape[1]
        assert sum(parts) == pytest.approx(detector.score(row), rel=1e-12)


# -- stored and read back ----------------------------------------------------------------------------


@fits("23_mammography", *MADE)
def test_stored_and_read_back_it_scores_the_same(name, data):
    _, detector, train = fitted(name, data)
    arrays = detector.arrays()
    assert all(array.dtype in (np.float64, np.int64) for array in arrays.values())
    assert all(np.isfinite(array).all() for array in arrays.values())
    again = DETECTORS[name].from_arrays(arrays, train.shape[1])
    rows = rows_to_score(data, train)
    assert (again.score_many(rows) == detector.score_many(rows)).all()
    assert [again.score(row) for row in rows] == [detector.score(row) for row in rows]


ANY_LENGTH = (
    ("sampling", "drawn"),
    ("knn", "train"),
    ("knn-500", "train"),
    ("knn-mean", "train"),
    ("knn-median", "train"),
)
"""Arrays that are as good with a row less; the artifact's checksum tells."""


@every_detector
@pytest.mark.parametrize(
    "spoil",
    [
        lambda array: array[:-1],
        lambda array: array.astype(np.float32),
        lambda array: array.reshape(1, *array.shape),
        lambda array: None,
    ],
    ids=["cut short", "other type", "other shape", "missing"],
)
def test_arrays_that_do_not_fit_are_refused(name, spoil):
    _, detector, train = fitted(name, "symmetric")
    arrays = detector.arrays()
    for key, array in arrays.items():
        spoiled = spoil(array)
        wrong = {k: a for k, a in {**arrays, key: spoiled}.items() if a is not None}
        if array.size == 0 and spoiled is not None and spoiled.shape == array.shape:
            continue
        if (name, key) in ANY_LENGTH and spoiled is not None and len(spoiled) == len(array) - 1:
            continue
        with pytest.raises(ValueError, match="array '"):
            DETECTORS[name].from_arrays(wrong, train.shape[1])


@every_detector
def test_arrays_of_more_columns_are_refused(name):
    _, detector, train = fitted(name, "28_pendigits")
    with pytest.raises(ValueError, match="array '"):
        DETECTORS[name].from_arrays(detector.arrays(), 3 if train.shape[1] > 3 else 2)
