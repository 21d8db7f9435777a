"""PyOD models by name: seeded, quiet, and refused with the nearest name."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from sidecar.baseline.fitting import RECIPES, check, check_learning, fit_detector, parameters, quiet
from sidecar.errors import DataError, UsageError
from sidecar.wanted import Wanted, read

CHANCE = {"iforest", "pca", "mcd", "gmm", "sampling", "loda", "inne", "cblof"}
"""What draws random numbers."""

TRAIN = np.random.default_rng(0).normal(size=(80, 3))


def rows_for(name: str) -> np.ndarray:
    """MAD is for a single column."""
    return TRAIN[:, :1] if name == "mad" else TRAIN


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_gives_the_same_model(name):
    first, second = (
        fit_detector(name, rows_for(name), 5).decision_function(rows_for(name)[:9]) for _ in range(2)
    )
    assert (first == second).all()


@pytest.mark.parametrize("name", RECIPES)
def test_parameters_are_plain_and_say_the_seed(name):
    found = parameters(fit_detector(name, rows_for(name), 5))
    assert json.loads(json.dumps(found)) == found
    assert found.get("random_state") == (5 if name in CHANCE else None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["ecod", "iforrest"], 'no detector "iforrest"; did you mean iforest'),
        (["???"], r'no detector "\?\?\?"; there are ecod, '),
        ([], "no detectors; choose from ecod, "),
    ],
)
def test_names_that_cannot_be_fitted_are_refused(names, message):
    with pytest.raises(UsageError, match=message):
        check([Wanted(name, name, {}) for name in names])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abod(foo=3)", "PyOD's ABOD has no parameter 'foo' to set; it has contamination, n_neighbors"),
        ("lof(n_jobs=4)", "has no parameter 'n_jobs' to set"),
        ("abod(method=slowly)", r"PyOD's ABOD .*slowly"),
        ("lscp(detector_list=[lof(foo=1)])", "PyOD's LOF has no parameter 'foo'"),
    ],
)
def test_parameters_that_pyod_does_not_have_are_refused(text, message):
    (wanted,) = read(text)
    with pytest.raises((UsageError, DataError), match=message):
        fit_detector(wanted, TRAIN, 0)


def test_detectors_inside_others_are_checked_and_made():
    with pytest.raises(UsageError, match='no detector "loof"; did you mean lof'):
        check(read("lscp(detector_list=[lof,loof])"))
    (wanted,) = read("lscp(detector_list=[lof(n_neighbors=5),lof(n_neighbors=9)])")
    check([wanted])
    model = fit_detector(wanted, TRAIN, 0)
    assert [one.n_neighbors for one in model.detector_list] == [5, 9]


@pytest.mark.parametrize("name", ["deepsvdd", "mo_gaal"])
def test_networks_know_their_columns_and_say_nothing(name, capsys):
    pytest.importorskip("torch", reason="networks need PyTorch, which few environments have")
    model = fit_detector(name, TRAIN, 0)
    assert model.decision_function(TRAIN[:1]).shape == (1,)
    assert capsys.readouterr().out == ""


def test_what_needs_a_package_says_which():
    with pytest.raises(UsageError, match="detector vae needs the packages torch and tqdm; install"):
        check(read("vae"))


@pytest.mark.parametrize(
    ("text", "expected"), [("ecod,knn-500", False), ("knn(n_neighbors=9)", True), ("kde", True)]
)
def test_learning_says_whether_the_worker_may_be_needed(text, expected):
    assert check_learning(text) is expected


def test_what_pyod_refuses_is_a_data_error():
    with pytest.raises(DataError, match=r"PyOD's ECOD cannot be fitted on this data: .*NaN"):
        fit_detector("ecod", np.full((5, 2), np.nan), 0)


def test_quiet_is_quiet_only_inside():
    with quiet():
        warnings.warn("heard by nobody", stacklevel=1)
    with pytest.warns(match="heard"):
        warnings.warn("heard", stacklevel=1)
