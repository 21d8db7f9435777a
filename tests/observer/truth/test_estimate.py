import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sidecar.labels.realised import Rows, measures
from sidecar.observer.truth.estimate import auroc, estimates
from sidecar.scoring.expectation import Answers, learn
from tests.scoring.test_expectation import binary


def test_what_is_estimated_is_what_comes_true_where_the_inputs_move():
    """As NannyML's CBPE: calibrated on some rows, asked of others that are harder."""
    answers, truth, _ = binary(8000)
    known = learn("binary", 2, answers, truth)
    fresh, later, _ = binary(20_000, seed=1)
    hard = np.abs(fresh.scores[:, 0] - 0.5) < 0.3
    rows = Rows(fresh.predicted[hard], later[hard], fresh.scores[hard])
    estimated, realised = estimates(known, fresh.part(hard)), measures("binary", rows, 2)
    assert realised["accuracy"].value < 0.75
    for name in ("accuracy", "f1", "auroc", "log_loss", "brier"):
        assert estimated[name] == pytest.approx(realised[name].value, abs=0.02), name


def test_known_truth_is_estimated_exactly():
    random = np.random.default_rng(0)
    score = random.uniform(size=300).round(2)
    truth = (random.uniform(size=300) < score).astype(float)
    assert auroc(truth, score) == pytest.approx(roc_auc_score(truth, score))


def test_classes_without_scores_and_quantities():
    answers, truth, _ = binary(6000, tilt=2.0)
    bare = Answers(answers.predicted, answers.scores[:, :0], answers.codes)
    known = learn("binary", 2, bare.part(slice(0, 3000)), truth[:3000])
    rest, later = bare.part(slice(3000, None)), truth[3000:]
    easy = np.abs(answers.scores[3000:, 0] - 0.5) > 0.3
    right = float((rest.predicted == later)[easy].mean())
    assert right > float((rest.predicted == later).mean()) + 0.05
    assert estimates(known, rest.part(easy)) == {"accuracy": pytest.approx(right, abs=0.04)}
    random = np.random.default_rng(1)
    spread = 1.0 + answers.codes[:, 0] / 10.0
    value = answers.codes[:, 1] + spread * random.normal(size=6000)
    quantities = Answers(answers.codes[:, 1].astype(float), answers.scores[:, :0], answers.codes)
    known = learn("regression", 0, quantities.part(slice(0, 3000)), value[:3000])
    wide = spread > 2.0
    error = np.abs(value - quantities.predicted)[wide]
    found = estimates(known, quantities.part(wide))
    assert found["mae"] == pytest.approx(error.mean(), rel=0.06)
    assert found["rmse"] == pytest.approx(np.sqrt(np.square(error).mean()), rel=0.06)


def test_without_rows_there_is_nothing():
    answers, truth, _ = binary(500)
    assert estimates(learn("binary", 2, answers, truth), answers.part(slice(0, 0))) == {}
