"""PyOD models by name: seeded, quiet, and refused with the nearest name."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from sidecar.baseline.fitting import RECIPES, check_names, fit_detector, parameters, quiet
from sidecar.errors import DataError, UsageError

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
    assert found.get("random_state") == (5 if RECIPES[name].seeded else None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["ecod", "iforrest"], 'no detector "iforrest"; did you mean iforest'),
        (["???"], r'no detector "\?\?\?"; there are ecod, '),
        ([], "no detectors; choose from ecod, "),
        (["ecod", "ecod"], "named twice"),
    ],
)
def test_names_that_cannot_be_fitted_are_refused(names, message):
    with pytest.raises(UsageError, match=message):
        check_names(names)


def test_what_pyod_refuses_is_a_data_error():
    with pytest.raises(DataError, match=r"PyOD's ECOD cannot be fitted on this data: .*NaN"):
        fit_detector("ecod", np.full((5, 2), np.nan), 0)


def test_quiet_is_quiet_only_inside():
    with quiet():
        warnings.warn("heard by nobody", stacklevel=1)
    with pytest.warns(match="heard"):
        warnings.warn("heard", stacklevel=1)
