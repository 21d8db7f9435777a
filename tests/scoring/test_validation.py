import msgspec
import numpy as np
import pytest

from sidecar.errors import BaselineError
from sidecar.labels.prediction import Roles
from sidecar.scoring import artifact, validation
from sidecar.scoring.artifact import Validation
from sidecar.scoring.expectation import Answers, Expectation, learn
from tests.scoring.made import cardio

ROLES = {
    "binary": Roles("binary", (0.0, 1.0), -1, (0,)),
    "multiclass": Roles("multiclass", (0.0, 1.0, 2.0), 0),
    "regression": Roles("regression", predicted=0),
}


FIELDS = 21
"""Of cardiotocography."""


def learned(kind: str) -> tuple[Expectation, Answers]:
    random = np.random.default_rng(0)
    codes = random.integers(0, 20, size=(400, FIELDS)).astype(np.uint8)
    predicted = random.integers(0, 3, size=400).astype(float)
    scores, classes = np.zeros((400, 0)), 3
    if kind == "binary":
        scores, classes = random.uniform(size=(400, 1)), 2
        predicted = (scores[:, 0] > 0.5).astype(float)
    truth = np.where(random.uniform(size=400) < 0.8, predicted, 0.0)
    answers = Answers(predicted, scores, codes)
    return learn(kind, 0 if kind == "regression" else classes, answers, truth), answers


def saved(tmp_path, kind, changed=None):
    known, answers = learned(kind)
    told = Validation(("y",), ROLES[kind], 400, {"accuracy": (0.8, 0.7, 0.9)})
    plain, stored = artifact.read(cardio("hbos"))
    assert len(plain.reference) == FIELDS
    arrays = {**stored, **validation.arrays(known), **(changed or {})}
    artifact.write(tmp_path / "b", msgspec.structs.replace(plain, validation=told), arrays, replace=False)
    return known, answers, told


@pytest.mark.parametrize("kind", ROLES)
def test_what_is_written_is_read(tmp_path, kind):
    known, answers, told = saved(tmp_path, kind)
    found = validation.load(tmp_path / "b")
    assert found.told == told
    assert found.known.counts.tolist() == known.counts.tolist()
    np.testing.assert_array_equal(found.known.expected(answers), known.expected(answers))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("counts", np.zeros((3, 2), np.int64), "'counts' has shape"),
        ("seen", np.zeros((5, 256), np.bool_), "'seen' has shape"),
        ("edges", np.zeros(2, np.float32), "'edges' holds float32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, name, array, message):
    saved(tmp_path, "binary", {validation.PREFIX + name: array})
    with pytest.raises(BaselineError, match=message):
        validation.load(tmp_path / "b")
