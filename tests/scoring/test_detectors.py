"""The table of compiled detectors agrees with itself and with what can be fitted."""

from __future__ import annotations

from sidecar.baseline.fitting import RECIPES
from sidecar.scoring.detectors import DETECTORS


def test_each_is_listed_under_its_own_name():
    assert {name: detector.name for name, detector in DETECTORS.items()} == {name: name for name in DETECTORS}


def test_what_is_compiled_can_be_fitted_and_the_other_way_round():
    assert set(DETECTORS) == set(RECIPES)
