"""Arrays are taken only as they should be."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.scoring.detector import need

ARRAYS = {"m": np.zeros((2, 3)), "i": np.zeros(4, dtype=np.int64)}


def test_an_array_that_fits_is_given_as_it_is():
    assert need(ARRAYS, "m", np.float64, 2, 3) is ARRAYS["m"]
    assert need(ARRAYS, "m", np.float64, -1, 3) is ARRAYS["m"]
    assert need(ARRAYS, "i", np.int64, -1) is ARRAYS["i"]


@pytest.mark.parametrize(
    ("name", "kind", "shape", "message"),
    [
        ("x", np.float64, (1,), "array 'x' is missing"),
        ("m", np.int64, (2, 3), "array 'm' holds float64, expected int64"),
        ("m", np.float64, (2, 4), r"array 'm' has shape \(2, 3\), expected 2 x 4"),
        ("m", np.float64, (-1,), r"array 'm' has shape \(2, 3\), expected any"),
    ],
)
def test_any_other_is_refused(name, kind, shape, message):
    with pytest.raises(ValueError, match=message):
        need(ARRAYS, name, kind, *shape)
