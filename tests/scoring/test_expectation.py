"""Real rows and real models: breast cancer, digits and diabetes of scikit-learn."""

import msgspec
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.isotonic import IsotonicRegression
from sklearn.tree import DecisionTreeRegressor

from sidecar.observer.snapshot import decode, encode
from sidecar.scoring.expectation import CONTEXTS, MOST_CONTEXTS, Answers, Expectation, learn


def binary(n, seed=0, tilt=0.0):
    """A model that doesn't see its second input, which the truth depends on."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 20, (n, 3)).astype(np.uint8)
    p = 1 / (1 + np.exp(-(codes[:, 0] / 4.0 - 2.5)))
    true = 1 / (1 + np.exp(-(codes[:, 0] / 4.0 - 2.5 + tilt * (codes[:, 1] / 10.0 - 1))))
    return (
        Answers((p > 0.5).astype(float), p[:, None], codes),
        (random.uniform(size=n) < true).astype(float),
        true,
    )


def test_a_score_is_calibrated_as_scikit_learn_does():
    answers, truth, _ = binary(2000)
    known = learn("binary", 2, answers, truth)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(answers.scores[:, 0], truth)
    fresh, _, _ = binary(500, seed=1)
    np.testing.assert_allclose(known.calibrated(fresh), theirs.predict(fresh.scores[:, 0]), atol=1e-6)


def test_inputs_that_the_model_does_not_see_correct_what_is_expected():
    answers, truth, _ = binary(6000, tilt=3.0)
    known = learn("binary", 2, answers, truth)
    fresh, _, true = binary(2000, seed=1, tilt=3.0)
    by_score = np.abs(known.calibrated(fresh) - true).mean()
    assert np.abs(known.expected(fresh) - true).mean() < 0.5 * by_score


def test_contexts_are_about_equal_and_hold_every_row_once():
    answers, truth, _ = binary(4000, tilt=1.0)
    known = learn("binary", 2, answers, truth)
    assert known.counts.shape == (CONTEXTS, 2)
    assert known.counts.sum() == 4000
    assert known.counts.sum(axis=1).min() > 4000 / CONTEXTS / 2
    share = known.counts[:, 1] / known.counts.sum(axis=1)
    assert share[-1] > share[0] + 0.5


def test_a_row_with_an_input_that_the_reference_never_had_has_no_context():
    answers, truth, _ = binary(1000)
    known = learn("binary", 2, answers, truth)
    strange = Answers(answers.predicted[:2], answers.scores[:2], answers.codes[:2].copy())
    strange.codes[0, 2] = 77
    found = known.contexts(strange, known.expected(strange))
    assert found[0] == -1
    assert found[1] >= 0


def test_many_classes_without_scores_and_with_more_than_can_be_told_apart():
    X, y = load_digits(return_X_y=True)
    predicted = np.where(X[:, 36] > 8, y, (y + 1) % 10).astype(float)
    answers = Answers(predicted, np.zeros((len(y), 0)), X.astype(np.uint8))
    known = learn("multiclass", 10, answers, y.astype(float))
    assert known.counts.shape == (MOST_CONTEXTS, 2), "ten classes are right or wrong"
    right = predicted == y
    expected = known.expected(answers)
    assert expected[right].mean() > expected[~right].mean() + 0.5
    few = learn("multiclass", 4, answers.part(y < 3), y[y < 3].astype(float))
    assert few.counts.shape[1] == 4


def test_errors_of_a_quantity_are_expected_where_they_are():
    random = np.random.default_rng(0)
    codes = random.integers(0, 20, (4000, 4)).astype(np.uint8)
    predicted = codes[:, 0] / 2.0
    spread = 0.5 + codes[:, 1] / 10.0
    truth = predicted + spread * random.normal(size=4000)
    answers = Answers(predicted, np.zeros((4000, 0)), codes)
    known = learn("regression", 0, answers, truth)
    mean = spread * np.sqrt(2 / np.pi)
    assert np.corrcoef(known.expected(answers), mean)[0, 1] > 0.95
    assert known.expected(answers).mean() == pytest.approx(mean.mean(), rel=0.05)
    root = np.sqrt(known.expected_square(answers).mean())
    assert root == pytest.approx(np.sqrt((spread**2).mean()), rel=0.05)
    assert known.counts.sum() == 4000
    assert known.counts.shape == (CONTEXTS, 10)


def test_later_rows_fall_where_the_reference_fell_though_errors_come_again_and_again():
    """A tree's errors on real rows that are drawn again: many are the very same number."""
    X, y = load_diabetes(return_X_y=True)
    codes = (np.argsort(np.argsort(X, axis=0), axis=0) // 23).astype(np.uint8)
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X[:200], y[:200])
    predicted, truth = model.predict(X), y.round(-1)
    random = np.random.default_rng(0)

    def drawn(n):
        at = random.integers(len(y), size=n)
        return Answers(predicted[at], np.zeros((n, 0)), codes[at]), truth[at]

    known = learn("regression", 0, *drawn(1000))
    answers, true = drawn(20_000)
    expected = known.expected_in_turn(answers, 0)
    cells = np.zeros_like(known.counts)
    np.add.at(cells, (known.contexts(answers, expected), known.outcomes(answers, expected, true)), 1)
    apart = np.abs(cells / cells.sum() - known.counts / known.counts.sum()).sum() / 2
    assert apart < 0.5 * np.sqrt(known.counts.size / 1000), "no more than chance in a thousand rows"


def test_each_row_is_expected_by_one_of_the_folds_in_turn():
    answers, truth, _ = binary(6000, tilt=3.0)
    known = learn("binary", 2, answers, truth)
    turns = [known.expected_in_turn(answers, first) for first in range(4)]
    np.testing.assert_array_equal(turns[0], turns[3])
    np.testing.assert_array_equal(turns[1][:-1], known.expected_in_turn(answers.part(np.arange(5999)), 1))
    assert (turns[0] != turns[1]).mean() > 0.9
    assert np.abs(np.mean(turns[:3], axis=0) - known.expected(answers)).max() < 0.05


def test_few_rows_make_few_contexts():
    answers, truth, _ = binary(100)
    assert learn("binary", 2, answers, truth).counts.shape == (5, 2)
    assert learn("multiclass", 4, answers, truth).counts.shape == (4, 4), "one for each class"


def test_without_inputs_the_prediction_alone_tells():
    X, y = load_diabetes(return_X_y=True)
    predicted = DecisionTreeRegressor(max_depth=3, random_state=0).fit(X[:200], y[:200]).predict(X[200:])
    none = np.zeros((242, 0), dtype=np.uint8)
    known = learn("regression", 0, Answers(predicted, np.zeros((242, 0)), none), y[200:])
    found = known.contexts(Answers(predicted, np.zeros((242, 0)), none), np.full(242, 50.0))
    assert (found >= 0).all()


def test_it_can_be_kept():
    answers, truth, _ = binary(500)
    known = learn("binary", 2, answers, truth)
    again = decode(encode(known), Expectation)
    assert isinstance(again, msgspec.Struct)
    np.testing.assert_array_equal(again.expected(answers), known.expected(answers))
    np.testing.assert_array_equal(
        again.contexts(answers, again.expected(answers)), known.contexts(answers, known.expected(answers))
    )
