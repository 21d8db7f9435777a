import numpy as np
import pytest
from sklearn import metrics as sk

from sidecar.labels.realised import Rows, accuracy, auroc, ece, mean, measures

RANDOM = np.random.default_rng(0)


def binary(n, random=RANDOM):
    score = random.uniform(size=n).round(2)
    truth = (random.uniform(size=n) < score**2).astype(float)
    return Rows((score > 0.5).astype(float), truth, score[:, None])


@pytest.mark.parametrize("n", [10, 20, 500])
def test_two_classes_as_scikit_learn_has_them(n):
    rows = binary(n, np.random.default_rng(n + 3))
    found = {name: one.value for name, one in measures("binary", rows, 2).items()}
    score = rows.scores[:, 0]
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(rows.truth, rows.predicted))
    assert found["f1"] == pytest.approx(sk.f1_score(rows.truth, rows.predicted))
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(rows.truth, score))
    assert found["log_loss"] == pytest.approx(sk.log_loss(rows.truth, np.column_stack((1 - score, score))))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(rows.truth, score))


def test_many_classes_as_scikit_learn_has_them():
    random = np.random.default_rng(1)
    p = random.dirichlet(np.ones(4), 400)
    truth = np.array([random.choice(4, p=one) for one in p]).astype(float)
    predicted = p.argmax(axis=1).astype(float)
    found = {k: v.value for k, v in measures("multiclass", Rows(predicted, truth, p), 4).items()}
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, predicted))
    assert found["f1"] == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
    assert found["log_loss"] == pytest.approx(sk.log_loss(truth, p))
    one_hot = np.eye(4)[truth.astype(int)]
    assert found["brier"] == pytest.approx(np.square(p - one_hot).sum(axis=1).mean())
    assert found["calibration_error"] < 0.1
    few = {k: v.value for k, v in measures("multiclass", Rows(predicted, truth, p[:, :0]), 4).items()}
    assert set(few) == {"accuracy", "f1"}


def test_quantities_as_scikit_learn_has_them():
    truth = RANDOM.normal(size=300)
    predicted = truth + RANDOM.normal(size=300)
    found = measures("regression", Rows(predicted, truth, np.empty((300, 0))), 0)
    assert found["mae"].value == pytest.approx(sk.mean_absolute_error(truth, predicted))
    assert found["rmse"].value == pytest.approx(sk.root_mean_squared_error(truth, predicted))


def test_calibration_error_is_the_mean_gap_by_bin():
    confidence = np.array([0.05, 0.05, 0.95, 0.95])
    assert ece(confidence, np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(0.05)
    assert ece(confidence, np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.95)
    assert ece(np.array([1.0]), np.array([1.0])) == 0.0


def test_what_cannot_be_had_is_left_out():
    one_class = Rows(np.zeros(5), np.zeros(5), np.full((5, 1), 0.2))
    found = measures("binary", one_class, 2)
    assert "auroc" not in found
    assert "f1" not in found
    assert found["accuracy"].value == 1.0
    margin = Rows(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([[-3.0], [2.0]]))
    assert set(measures("binary", margin, 2)) == {"accuracy", "f1", "auroc"}
    assert measures("binary", Rows(np.empty(0), np.empty(0), np.empty((0, 1))), 2) == {}


@pytest.mark.parametrize("name", ["accuracy", "f1", "auroc", "log_loss", "brier"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(name):
    random = np.random.default_rng(7)
    truth = measures("binary", binary(400_000, random), 2)[name].value
    inside = 0
    for _ in range(200):
        found = measures("binary", binary(300, random), 2)[name]
        inside += found.low <= truth <= found.high
    assert 180 <= inside <= 199, "95 % of 200, to four standard deviations"


def test_intervals_of_quantities_hold_the_truth_about_as_often_as_they_say():
    random = np.random.default_rng(8)
    error = random.normal(size=(200, 300))
    found = [measures("regression", Rows(one, np.zeros(300), np.empty((300, 0))), 0) for one in error]
    assert 180 <= sum(one["rmse"].low <= 1.0 <= one["rmse"].high for one in found) <= 199
    mae = np.sqrt(2 / np.pi)
    assert 180 <= sum(one["mae"].low <= mae <= one["mae"].high for one in found) <= 199


def test_edges_of_intervals():
    assert accuracy(np.array([True])).low == pytest.approx(0.2065, abs=1e-4)
    assert auroc(np.array([1.0, 2.0]), np.array([0.0, 1.0])).value == 1.0
    assert mean(np.array([1.0])).high == np.inf
