"""What ECOD and COPOD share: looking heights up, and asking the joined column where they are in doubt."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sidecar.native import NATIVE
from sidecar.scoring.copod import Copod
from sidecar.scoring.ecod import Ecod
from sidecar.scoring.tail_sum import FEW


def fitted(train) -> Ecod:
    return Ecod.from_pyod(SimpleNamespace(X_train=np.array(train, dtype=float)))


def test_a_height_by_hand():
    detector = fitted([[1.0], [2.0], [2.0], [4.0]])
    for x, share in ((1.0, 2 / 5), (2.0, 4 / 5), (3.0, 2 / 5), (9.0, 1 / 5)):
        assert detector.score(np.array([x])) == pytest.approx(-np.log(share))


def test_columns_whose_sign_never_matters_are_not_kept():
    rng = np.random.default_rng(0)
    skewed = np.exp(rng.normal(size=400))
    symmetric = np.concatenate((skewed[:200], -skewed[:200]))
    detector = fitted(np.column_stack((skewed, symmetric)))
    arrays = detector.arrays()
    assert arrays["kept"].tolist() == [1]
    assert arrays["train"].shape == (1, 400)


def test_doubt_is_settled_the_same_for_one_row_and_many():
    train = np.repeat([[-2.0], [-1.0], [1.0], [2.0]], 10, axis=0)
    detector = fitted(train)
    rows = np.repeat([[0.0]], FEW + 1, axis=0)
    both_tails = 2 * -np.log(21 / 41)
    assert detector.score(rows[0]) == pytest.approx(both_tails)
    assert detector.score_many(rows) == pytest.approx(both_tails)


@pytest.mark.skipif(not NATIVE, reason="sidecar/native is not built here: it takes a C compiler")
@pytest.mark.parametrize("kind", [Ecod, Copod])
def test_the_function_in_c_says_what_python_says(kind):
    rng = np.random.default_rng(3)
    train = np.column_stack((rng.normal(size=500), rng.integers(-3, 9, 500), np.exp(rng.normal(size=500))))
    compiled = kind.from_pyod(SimpleNamespace(X_train=train))
    plain = kind.from_pyod(SimpleNamespace(X_train=train))
    plain.native = None
    rows = np.vstack((train[:50], train[:50] + 1e-9, 3 * rng.normal(size=(50, 3)), np.full((1, 3), 1e300)))
    known = [compiled.native.score(row.tobytes()) for row in rows]
    assert np.isfinite(known).all()
    assert known == pytest.approx([plain.score(row) for row in rows], rel=1e-12)
    assert known == pytest.approx(plain.score_many(rows), rel=1e-12)


@pytest.mark.skipif(not NATIVE, reason="sidecar/native is not built here: it takes a C compiler")
@pytest.mark.parametrize("kind", [Ecod, Copod])
def test_a_rows_score_in_c_does_not_depend_on_its_company(kind):
    rng = np.random.default_rng(4)
    detector = kind.from_pyod(SimpleNamespace(X_train=np.exp(rng.normal(size=(300, 5)))))
    rows = np.vstack((np.exp(rng.normal(size=(70, 5))), np.full((1, 5), np.inf), np.full((1, 5), -np.inf)))
    alone = [detector.score(row) for row in rows]
    for chosen in (
        rows,
        np.asfortranarray(rows),
        rows.astype(np.float32).astype(np.float64),
        rows[::-1][::-1],
    ):
        assert detector.score_many(chosen).shape == (72,)
    assert detector.score_many(rows).tolist() == alone
    assert detector.score_many(rows[::2]).tolist() == alone[::2]
    assert detector.score_many(rows[:0]).shape == (0,)
    odd = np.frombuffer(b"x" + rows.tobytes(), offset=1).reshape(rows.shape)  # as a body may have them
    assert not odd.flags.aligned
    assert detector.score_many(odd).tolist() == alone


@pytest.mark.skipif(not NATIVE, reason="sidecar/native is not built here: it takes a C compiler")
@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((2, 3), np.float32),
        np.zeros((2, 3), np.int64),
        np.zeros(4),
        np.zeros(6),
        np.zeros((3, 2)),
        np.zeros((1, 6)),
        np.zeros((4, 3)).T,
        np.zeros((2, 6))[:, ::2],
    ],
)
def test_rows_of_another_form_are_refused_in_c(rows):
    detector = fitted([[1.0, 5.0, 2.0], [2.0, 6.0, 1.0], [4.0, 9.0, 7.0]])
    with pytest.raises((ValueError, BufferError)):
        detector.native.score_many(rows)


@pytest.mark.skipif(not NATIVE, reason="sidecar/native is not built here: it takes a C compiler")
def test_only_rows_in_doubt_are_left_to_python():
    detector = fitted(np.repeat([[-2.0], [-1.0], [1.0], [2.0]], 10, axis=0))
    rows = np.array([[0.0], [9.0], [0.0], [-1.0]])
    assert np.isnan(np.frombuffer(detector.native.score_many(rows))).tolist() == [True, False, True, False]
    assert detector.score_many(rows).tolist() == [detector.score(row) for row in rows]


@pytest.mark.skipif(not NATIVE, reason="sidecar/native is not built here: it takes a C compiler")
def test_the_function_in_c_leaves_doubt_to_python():
    detector = fitted(np.repeat([[-2.0], [-1.0], [1.0], [2.0]], 10, axis=0))
    assert np.isnan(detector.native.score(np.zeros(1).tobytes()))
    assert detector.score(np.zeros(1)) == pytest.approx(2 * -np.log(21 / 41))


def test_heights_in_doubt_without_their_column_are_refused():
    arrays = fitted(np.repeat([[-1.0], [1.0]], 10, axis=0)).arrays()
    arrays |= {"kept": arrays["kept"][:0], "train": arrays["train"][:0]}
    with pytest.raises(ValueError, match="lacks a column"):
        Ecod.from_arrays(arrays, 1)


def test_cuts_out_of_order_are_refused():
    arrays = fitted([[1.0, 5.0], [2.0, 6.0], [4.0, 9.0]]).arrays()
    Ecod.from_arrays(arrays, 2)
    arrays["cuts"] = arrays["cuts"].copy()
    arrays["cuts"][[0, 1]] = arrays["cuts"][[1, 0]]
    with pytest.raises(ValueError, match="'cuts' does not ascend"):
        Ecod.from_arrays(arrays, 2)
