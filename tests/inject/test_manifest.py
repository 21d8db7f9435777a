"""Manifests are read as Kubernetes reads them, and written so that they are read the same again."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import SidecarError
from sidecar.inject.manifest import read, write


def value(text):
    return read(f"kind: X\nv: {text}\n", "f")[0]["v"]


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("1e3", 1000.0), ("y", True),
        ("0644", 420), ("0o644", 420), ("0x1F", 31), ("1_000", 1000), ("'y'", "y"), ("~", None),
        ("0888", "0888"),
        ("1.5", 1.5), (".5", 0.5), ("-7", -7), ("1Gi", "1Gi"), ("=", "="), ("0b11", 3), ("off", False),
    ],
)  # fmt: skip
def test_plain_values(text, read_as):
    found = value(text)
    assert found == read_as
    assert type(found) is type(read_as)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
    | st.sampled_from(
        ["y", "no", "1e3", "12:30", "2024-01-01", "0644", "0o7", "~", "<<", "=", "1_0", ".5", "", "#"]
    )
)
OBJECTS = st.dictionaries(
    st.text("abyn:# 1", min_size=1, max_size=4),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3)),
)


@given(OBJECTS)
def test_written_it_is_read_the_same(body):
    thing = {"kind": "X", "body": body}
    text = write([thing, thing], as_json=False)
    assert read(text, "f") == [thing, thing]
    assert json.loads(write([thing], as_json=True)) == thing


def test_text_is_quoted_where_any_reader_could_take_it_for_something_else():
    text = write([{"kind": "X", "v": ["12:30", "2024-01-01", "1e3", "y", "0o7"]}], as_json=False)
    assert yaml.safe_load(text)["v"] == ["12:30", "2024-01-01", "1e3", "y", "0o7"]
    assert text.count("'") == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: X\na: 1\na: 2\n", "f:3: 'a' stands twice"),
        ("kind: [", "f:"),
        ("- 1", "f: document 1 is no Kubernetes object"),
        ("kind: X\n---\nx: 1", "f: document 2 is no Kubernetes object"),
        ("kind: List\nitems: [{kind: X}, 1]", r"f: document 1: items\[1\] is no Kubernetes object"),
        ("kind: X\nmetadata: a", r"f: document 1 is no Kubernetes object: .* at `\$\.metadata`"),
        ("kind: X\nmetadata: {labels: [a]}", r"f: document 1 is no .* at `\$\.metadata\.labels`"),
        ('{"kind": "X"', "f: "),
        ("kind: !!python/object:os.system {}", "f:1"),
    ],
)
def test_what_cannot_be_read_names_its_place(text, said):
    with pytest.raises(SidecarError, match=f"^{said}"):
        read(text, "f")


def test_empty_documents_are_passed_by():
    assert read("---\n---\nkind: X\n---\n", "f") == [{"kind": "X"}]


def test_aliases_become_copies():
    text = write(read("kind: X\na: &x {b: 1}\nc: *x\n", "f"), as_json=False)
    assert "*" not in text
    assert read(text, "f") == [{"kind": "X", "a": {"b": 1}, "c": {"b": 1}}]
