import re

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.svm import SVC

from sidecar.labels.label import canonical
from sidecar.labels.prediction import Roles, roles, shared
from sidecar.labels.said import Said


def told(names, columns, labels, said=None):
    answers = [[canonical(value) for value in row] for row in zip(*columns, strict=True)]
    return roles(names, answers, [canonical(value) for value in labels], said or Said())


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    model = RandomForestClassifier(50, random_state=0).fit(X[:300], y[:300])
    return X[300:400], y[300:400], model


def test_class_and_probabilities_of_two_classes(cancer):
    X, y, model = cancer
    p = model.predict_proba(X)
    found = told(("label", "p[0]", "p[1]"), (model.predict(X), p[:, 0], p[:, 1]), y)
    assert found == Roles("binary", (0.0, 1.0), 0, (2,))
    assert found.read([1.0, 0.2, 0.8]) == (1.0, (0.8,))
    assert found.read([None, 0.2, 0.8]) is None
    assert np.isnan(found.index("cat"))


def test_one_probability_alone(cancer):
    X, y, model = cancer
    found = told(("output",), (model.predict_proba(X)[:, 1],), y)
    assert found == Roles("binary", (0.0, 1.0), -1, (0,))
    assert found.read([0.4]) == (0.0, (0.4,))


def test_classes_alone(cancer):
    X, y, model = cancer
    assert told(("predictions",), (model.predict(X),), y) == Roles("binary", (0.0, 1.0), 0)
    names = np.array(["benign", "malignant"])
    found = told(("predictions",), (names[model.predict(X)],), names[y])
    assert found == Roles("binary", ("benign", "malignant"), 0)


def test_a_margin_is_cut_at_zero(cancer):
    X, y, _ = cancer
    scores = SVC(gamma="scale").fit(*load_breast_cancer(return_X_y=True)).decision_function(X)
    found = told(("score",), (scores,), y)
    assert found == Roles("binary", (0.0, 1.0), -1, (0,), cut=0.0)
    assert found.read([0.3]) == (1.0, (0.3,))


def test_ten_classes_by_name_and_by_probability():
    X, y = load_digits(return_X_y=True)
    model = RandomForestClassifier(30, random_state=0).fit(X[:1000], y[:1000])
    X, y = X[1000:1200], y[1000:1200]
    p = model.predict_proba(X)
    names = ("digit", *(f"p[{i}]" for i in range(10)))
    classes = tuple(map(float, range(10)))
    assert told(names, (model.predict(X), *p.T), y) == Roles("multiclass", classes, 0, tuple(range(1, 11)))
    found = told(names[1:], tuple(p.T), y)
    assert found == Roles("multiclass", classes, -1, tuple(range(10)))
    assert found.read(p[0].tolist())[0] == p[0].argmax()
    assert told(("digit",), (model.predict(X),), y) == Roles("multiclass", classes, 0)


def test_probabilities_that_are_named_after_their_classes():
    p = np.random.default_rng(0).dirichlet(np.ones(3), 60)
    labels = [("dog", "cat", "cow")[i] for i in p.argmax(axis=1)]
    assert told(("dog", "cat", "cow"), tuple(p.T), labels) == Roles(
        "multiclass", ("dog", "cat", "cow"), -1, (0, 1, 2)
    )


def test_a_quantity_and_the_output_that_goes_with_it():
    X, y = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(30, random_state=0).fit(X[:300], y[:300])
    noise = np.random.default_rng(0).normal(size=142)
    found = told(("noise", "value"), (noise, model.predict(X[300:])), y[300:])
    assert found == Roles("regression", predicted=1)
    assert found.read([1.0, 2.5]) == (2.5, ())
    assert told(("value",), (model.predict(X[300:]),), y[300:]) == Roles("regression", predicted=0)


def test_counts_predicted_as_means_are_quantities():
    rate = np.random.default_rng(0).uniform(0, 6, 100)
    counts = np.random.default_rng(1).poisson(rate)
    assert told(("rate",), (rate,), counts).kind == "regression"


def test_what_is_said_wins(cancer):
    X, y, model = cancer
    p = model.predict_proba(X)
    names, columns = ("a", "b", "label"), (p[:, 0], p[:, 1], model.predict(X))
    assert told(names, columns, y, Said(predicted="label", score="a", positive="0")) == Roles(
        "binary", (1.0, 0.0), 2, (0,)
    )
    assert told(names, columns, y, Said(value="b")) == Roles("regression", predicted=1)
    assert told(names, columns, y, Said(score="c")) == "there is no output 'c'; there is a, b, label"


def test_when_nothing_fits_it_says_why():
    labels = ["cat", "dog"] * 30
    assert "no output speaks of the classes cat, dog" in told(("x",), (["?"] * 60,), labels)
    assert told(("x",), (["?"] * 60,), np.arange(60) / 7) == "no output is a number"


def test_a_rare_class_that_no_label_has_yet_is_known_by_the_outputs(cancer):
    predicted = np.array([0, 1] * 30)
    assert told(("label",), (predicted,), np.zeros(60)) == Roles("binary", (0.0, 1.0), 0)


BINARY = Roles("binary", (0.0, 1.0), 0, (2,))
OUTPUTS = ("label", "p[0]", "p[1]")


def test_what_is_known_of_some_outputs_is_said_of_others_by_name():
    assert shared(BINARY, OUTPUTS, OUTPUTS, Said()) == BINARY
    found = shared(BINARY, OUTPUTS, ("p[1]", "more", "label"), Said(score="p[1]", positive="1"))
    assert found == Roles("binary", (0.0, 1.0), 2, (0,))
    alone = Roles("regression", predicted=0)
    assert shared(alone, ("price",), ("predictions",), Said()) == alone, "there's no other it could be"


@pytest.mark.parametrize(
    ("names", "said", "why"),
    [
        (("label", "p[0]"), Said(), r"have an output 'p\[1\]'"),
        (OUTPUTS, Said(predicted="p[0]"), "class=p"),
        (OUTPUTS, Said(value="p[0]"), "value=p"),
        (OUTPUTS, Said(positive="0"), "positive=0"),
    ],
)
def test_what_does_not_fit_is_told(names, said, why):
    assert isinstance(found := shared(BINARY, OUTPUTS, names, said), str)
    assert re.search(why, found)
