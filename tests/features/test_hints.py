"""A payload whose columns are called otherwise than the reference's, as a policy knows them."""

import numpy as np
import pytest

from sidecar.errors import Undecodable
from sidecar.exchange import Hints, Payload, Tensor
from sidecar.features import columns, hinted

TABLE = Payload("v2", (Tensor("x", np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),), "m", "2")
NAMED = Payload("plain", (Tensor("amt", np.array([1.0])), Tensor("sent_at", np.array(["now"], dtype=object))))
PICTURE = Payload("v2", (Tensor("img", np.zeros((2, 4, 4))), Tensor("age", np.array([30.0, 40.0]))))


def called(payload: Payload, **hints) -> list[str]:
    return list(columns(hinted(payload, Hints(**hints))))


def test_columns_are_named_by_position():
    named = hinted(TABLE, Hints(names=("a", "b", "c")))
    assert {name: column.tolist() for name, column in columns(named).items()} == {
        "a": [1.0, 4.0], "b": [2.0, 5.0], "c": [3.0, 6.0],
    }  # fmt: skip
    assert (named.codec, named.model, named.version, named.rows) == ("v2", "m", "2", 2)


def test_many_columns_take_no_longer_than_their_number():
    """Each was looked for among all: 200,000 of them, a megabyte of JSON, would have taken minutes."""
    wide = Payload("v2", (Tensor("x", np.zeros((1, 200_000))),))
    assert len(hinted(wide, Hints(rename={"x[7]": "seven"})).tensors) == 200_000


def test_some_are_left_out_and_others_called_otherwise():
    assert called(NAMED, ignore=("sent_at",), rename={"amt": "amount"}) == ["amount"]
    assert called(TABLE, ignore=("x[1]",)) == ["x[0]", "x[2]"]
    assert called(TABLE, names=("a", "b", "c"), ignore=("b",), rename={"c": "z"}) == ["a", "z"]
    assert called(NAMED, ignore=("none",), rename={"none": "other"}) == ["amt", "sent_at"]


def test_a_picture_keeps_its_shape():
    found = hinted(PICTURE, Hints(rename={"img": "image"}))
    assert {one.name: one.data.shape for one in found.tensors} == {"image": (2, 4, 4), "age": (2,)}


def test_without_anything_to_do_it_is_the_same():
    assert hinted(TABLE, Hints(detectors={"ecod": 0.1})) is TABLE


@pytest.mark.parametrize(
    ("payload", "hints", "why"),
    [
        (TABLE, {"names": ("a", "b")}, "schema-mismatch:columns:3"),
        (NAMED, {"rename": {"amt": "sent_at"}}, "duplicate-name:sent_at"),
        (NAMED, {"ignore": ("amt", "sent_at")}, "no-rows"),
    ],
)
def test_what_cannot_be(payload, hints, why):
    with pytest.raises(Undecodable, match=why):
        hinted(payload, Hints(**hints))
