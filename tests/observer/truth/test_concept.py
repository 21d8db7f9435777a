import numpy as np
import pytest
from scipy import stats

from sidecar.observer.drift import Detector
from sidecar.observer.sequential import LEAST_EFFECT
from sidecar.observer.truth.concept import Concept, _classes, _errors
from sidecar.scoring.expectation import Answers, learn
from tests.scoring.test_expectation import binary

WINDOW = 500


def expectation(seed=0, rows=2000):
    answers, truth, _ = binary(rows, seed=seed, tilt=1.0)
    return learn("binary", 2, answers, truth)


def cells(known, answers, truth):
    expected = known.expected_in_turn(answers, 0)
    contexts = known.contexts(answers, expected)
    assert (contexts >= 0).all()
    return contexts * known.counts.shape[1] + known.outcomes(answers, expected, truth)


def counted(known, found):
    return np.bincount(found, minlength=known.counts.size)


def until_alarm(known, found, test=None):
    """Rows until an alarm; None without one."""
    test = test or Detector(Concept("p", known), WINDOW, 4)
    for end in range(25, len(found) + 1, 25):
        test.update(end, counted(known, found[:end]), float(end))
        if test.alarm is not None:
            return end
    return None


def test_evidence_is_a_ratio_of_probabilities():
    """Of the law of nothing moved: the same number by SciPy's multinomials and Dirichlets."""
    known = expectation()
    question = Concept("p", known)
    answers, truth, _ = binary(60, seed=5, tilt=1.0)
    rows = counted(known, cells(known, answers, truth)).reshape(known.counts.shape)
    weight = known.counts + 0.5
    weight = weight * min(1.0, 5000 / weight.sum())
    expected = sum(
        stats.dirichlet_multinomial(alpha, int(n.sum())).logpmf(n)
        - stats.multinomial(int(n.sum()), np.full(2, 0.5)).logpmf(n)
        + n.sum() * np.log(0.5)
        for alpha, n in zip(weight, rows, strict=True)
    )
    found = question._dirichlet(rows[None].astype(float), weight)
    assert found[0] == pytest.approx(expected)


def test_evidence_is_a_fair_game_while_nothing_moves():
    """The mean of an e-value is 1 at most; known rows are as many as in a first window."""
    values = []
    for seed in range(40):
        known = expectation(seed, rows=500)
        answers, truth, _ = binary(100, seed=1000 + seed, tilt=1.0)
        found = known.contexts(answers, known.expected_in_turn(answers, 0)) >= 0
        rows = counted(known, cells(known, answers.part(found), truth[found]))
        values.append(float(Concept("p", known).evidence(rows[None, None])[0, 0]))
    assert np.exp(np.minimum(values, 5.0)).mean() < 1.5
    assert np.quantile(values, 0.9) < np.log(10.0)


def test_swapped_labels_are_seen_and_nothing_is_seen_before():
    known = expectation()
    answers, truth, _ = binary(2000, seed=1, tilt=1.0)
    swapped = np.random.default_rng(2).random(2000) < 0.25
    test = Detector(Concept("p", known), WINDOW, 4)
    assert until_alarm(known, cells(known, answers, truth), test) is None
    assert until_alarm(known, cells(known, answers, np.where(swapped, 1 - truth, truth))) <= 400


def test_inputs_that_move_to_where_the_model_was_always_bad_are_no_drift():
    known = expectation(rows=4000)
    answers, truth, _ = binary(20_000, seed=3, tilt=1.0)
    hard = np.abs(answers.scores[:, 0] - 0.5) < 0.25
    error = (answers.predicted != truth)[hard].mean()
    assert error > 1.4 * (answers.predicted != truth).mean(), "it is wrong far more often"
    assert until_alarm(known, cells(known, answers.part(hard), truth[hard])[:4000]) is None


def test_errors_of_a_quantity_that_grow_are_seen():
    random = np.random.default_rng(0)
    codes = random.integers(0, 20, (6000, 3)).astype(np.uint8)
    answers = Answers(codes[:, 0] * 1.0, np.zeros((6000, 0)), codes)
    noise = random.normal(size=6000)
    known = learn("regression", 0, answers.part(slice(0, 2000)), (answers.predicted + noise)[:2000])
    rest, noise = answers.part(slice(2000, None)), noise[2000:]
    assert until_alarm(known, cells(known, rest, rest.predicted + noise)) is None
    assert until_alarm(known, cells(known, rest, rest.predicted + 1.5 * noise)) < 500
    assert until_alarm(known, cells(known, rest, rest.predicted + noise + 0.5)) < 500


def quantities(error):
    """Predictions of a quantity, and the truth that is off by `error`."""
    codes = np.random.default_rng(0).integers(0, 20, (len(error), 3)).astype(np.uint8)
    predicted = 20.0 + codes[:, 0] / 7.0
    return Answers(predicted, np.zeros((len(error), 0)), codes), predicted + error


@pytest.mark.parametrize("usual", [0.0, 0.3, -25.0])
def test_a_constant_error_is_watched_on_both_sides(usual):
    answers, truth = quantities(np.full(2000, usual))
    known = learn("regression", 0, answers.part(slice(0, 1000)), truth[:1000])
    later, true = answers.part(slice(1000, 2000)), truth[1000:]
    assert until_alarm(known, cells(known, later, true)) is None
    for moved in (0.05, -0.05, 3.0, -3.0):
        assert until_alarm(known, cells(known, later, true + moved)) <= 50, moved
        half = np.arange(1000) % 2
        assert until_alarm(known, cells(known, later, true + moved * half)) <= 100, moved


def test_how_numbers_are_rounded_is_no_error():
    """A perfect model whose answers are of single precision, asked about ever larger quantities."""
    answers, truth = quantities(np.zeros(3000))
    rounded = answers.predicted.astype(np.float32).astype(float)
    assert (rounded != truth).any()
    single = Answers(rounded, answers.scores, answers.codes)
    for reference in (single, answers):
        known = learn("regression", 0, reference.part(slice(0, 1000)), truth[:1000])
        large = np.argsort(truth[1000:], kind="stable") + 1000
        assert until_alarm(known, cells(known, single.part(large), truth[large])) is None


def test_where_most_answers_are_right_small_errors_to_either_side_are_seen():
    random = np.random.default_rng(1)
    error = random.normal(size=4000) * (random.random(4000) < 0.3)
    answers, truth = quantities(error)
    known = learn("regression", 0, answers.part(slice(0, 2000)), truth[:2000])
    later, true = answers.part(slice(2000, None)), truth[2000:]
    assert until_alarm(known, cells(known, later, true)) is None
    wrong = (error[2000:] == 0) & (random.random(2000) < 0.5)
    for moved in (0.02, -0.02):
        assert until_alarm(known, cells(known, later, true + moved * wrong)) <= 300, moved


def test_effect_is_what_went_elsewhere_beyond_what_contexts_explain():
    known = expectation(rows=4000)
    question = Concept("p", known)
    answers, truth, _ = binary(20_000, seed=1, tilt=1.0)
    calm = question.effect(question.table(counted(known, cells(known, answers, truth))))
    swapped = np.random.default_rng(2).random(20_000) < 0.3
    moved = question.effect(question.table(counted(known, cells(known, answers, truth * ~swapped))))
    assert calm[0] < LEAST_EFFECT
    assert moved[0] == pytest.approx(0.3 * truth.mean(), abs=0.02)


@pytest.mark.parametrize("make", [_classes, _errors])
def test_every_alternative_is_a_law(make):
    usual = np.random.default_rng(0).dirichlet(np.ones(4), 6)
    laws = np.concatenate(make(usual))
    assert (laws > 0).all()
    np.testing.assert_allclose(laws.sum(axis=2), 1.0)


def test_what_was_before_adds_up():
    known = expectation()
    before = Concept("p", known).before(0, known.counts.ravel())
    assert before.sum() == pytest.approx(1.0)
