import math

import numpy as np
import pytest

from sidecar.labels.label import TEXT, canonical, shown


@pytest.mark.parametrize("value", [3, 3.0, "3", "3.0", " 3 ", np.float32(3), np.int64(3)])
def test_a_number_is_a_number_whatever_carried_it(value):
    assert canonical(value) == 3.0
    assert shown(canonical(value)) == "3"


@pytest.mark.parametrize("value", [True, "true", "True", 1, "1"])
def test_true_is_one(value):
    assert canonical(value) == 1.0


@pytest.mark.parametrize("value", [None, "", "  ", math.nan, math.inf, "nan", "null", "None"])
def test_what_is_missing_is_no_value(value):
    assert canonical(value) is None


@pytest.mark.parametrize("text", ["cat", "1_000", "0x1f", "ä"])
def test_other_text_stays_text(text):
    assert canonical(text) == text


def test_a_number_beyond_all_bounds_is_a_text_whatever_carried_it():
    assert canonical(10**400) == canonical(str(10**400)) == str(10**400)[:TEXT]


def test_a_long_text_is_cut():
    assert len(canonical("x" * 1000)) == TEXT
