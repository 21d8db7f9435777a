"""One wanted detector: compiled where that comes out equal, else the worker's, with what it's tried with."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.fitted import fitted, stored_rows
from sidecar.errors import DataError, UsageError
from sidecar.scoring.artifact import CHECKED, CHECKED_ROWS, CHECKS, ROWS
from sidecar.wanted import read

RNG = np.random.default_rng(0)
TRAIN, HELD_OUT = RNG.gamma(2.0, size=(150, 4)), RNG.gamma(2.0, size=(40, 4))


def made(text: str):
    (wanted,) = read(text)
    return fitted(wanted, TRAIN, HELD_OUT, 0)


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("knn", False),
        ("knn(n_neighbors=9)", False),
        ("iforest(n_estimators=20)", False),
        ("knn(method=mean)", True),
        ("gmm(covariance_type=diag)", True),
        ("ocsvm(kernel=poly)", True),
        ("kde", True),
    ],
)
def test_compiled_where_that_is_equal(text, apart):
    found = made(text)
    assert found.entry.apart is apart
    assert found.entry.wanted == read(text)[0].text
    assert (CHECKED in found.arrays) is apart
    assert found.entry.difference <= 1e-9


def test_what_cannot_be_fitted_is_refused_with_or_without_parameters():
    with pytest.raises(DataError, match="MAD"):
        made("mad")
    with pytest.raises(UsageError, match="no parameter 'foo'"):
        made("knn(foo=1)")


def test_the_worker_finds_the_rows_and_what_to_try_them_with():
    fits = [made("kde"), made("ecod")]
    arrays = stored_rows(fits, TRAIN, HELD_OUT)
    assert (arrays[ROWS] == TRAIN[: fits[0].entry.rows]).all()
    checked = arrays[CHECKS][fits[0].arrays[CHECKED_ROWS]]
    assert fits[0].detector.score_many(checked) == pytest.approx(fits[0].arrays[CHECKED], rel=1e-12)
    assert stored_rows(fits[1:], TRAIN, HELD_OUT) == {}
