"""The patch, applied by another implementation, gives what was wanted; and it is small."""

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.inject.json_patch import patch, pointer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab/~", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(st.fixed_dictionaries({"name": st.sampled_from("abcd"), "v": inner}), max_size=5)
        | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_applied_it_gives_the_other(before, after):
    wrapped, wanted = {"x": before}, {"x": after}
    operations = patch(copy.deepcopy(wrapped), copy.deepcopy(wanted))
    assert jsonpatch.apply_patch(wrapped, operations) == wanted


def test_nothing_differs():
    assert patch({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}) == []


def test_an_insertion_is_one_operation():
    before, after = [{"name": "a"}, {"name": "b"}], [{"name": "x"}, {"name": "a"}, {"name": "b"}]
    assert patch(before, after) == [{"op": "add", "path": "/0", "value": {"name": "x"}}]


def test_an_insertion_beside_a_change():
    before, after = [{"name": "a", "v": 1}], [{"name": "x"}, {"name": "a", "v": 2}]
    assert patch(before, after) == [
        {"op": "add", "path": "/0", "value": {"name": "x"}},
        {"op": "replace", "path": "/1/v", "value": 2},
    ]


@pytest.mark.parametrize(("key", "text"), [("a/b", "a~1b"), ("a~b", "a~0b"), ("~1", "~01")])
def test_keys_in_paths(key, text):
    assert pointer(key) == text
    assert patch({}, {key: 1}) == [{"op": "add", "path": f"/{text}", "value": 1}]


def test_true_is_not_one():
    assert patch({"a": 1}, {"a": True}) == [{"op": "replace", "path": "/a", "value": True}]
