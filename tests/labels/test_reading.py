import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import DataError
from sidecar.labels.label import Label
from sidecar.labels.reading import READERS, Names, read

ONE = [Label("a", 0, 1.0), Label("b", 2, "cat", 1_763_910_000.0)]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("json", '[{"id": "a", "label": 1}, {"id": "b", "row": 2, "label": "cat", "time": 1763910000}]'),
        (
            "json",
            '{"labels": [{"id": "a", "label": true}, {"id":"b","row":2,"label":"cat","time":1763910000}]}',
        ),
        (
            "jsonl",
            '{"id": "a", "label": "1"}\r\n\n{"id": "b", "row": "2", "label": "cat", "time": 1.76391e9}\n',
        ),
        ("csv", "id,label,row,time\na,1,,\nb,cat,2,2025-11-23T15:00:00Z\n"),
        ("csv", '\ufefflabel,other,time,id,row\n1,"x,\ny",,a,0\n\ncat,z,1763910000,b,2'),
    ],
)
def test_the_same_labels_in_every_format(form, content):
    assert read(form, content.encode(), Names()).labels == ONE


def test_one_object_alone_and_all_rows_of_a_call():
    found = read("json", b'{"id": 7, "label": [1, null, "x"]}', Names())
    assert found.labels == [Label("7", 0, 1.0), Label("7", 2, "x")]
    assert found.empty == 1


def test_columns_may_have_other_names():
    names = Names("request", "n", "target", "at")
    assert read("csv", b"request,target,label\na,0.5,9\n", names).labels == [Label("a", 0, 0.5)]


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("json", "[1", "not JSON"),
        ("json", "[1]", "label 1: expected an object"),
        ("json", '[{"id": "a"}]', "label 1: has no 'label'; it has id"),
        ("json", '[{"id": "a", "label": {"x": 1}}]', "label 1: a label is a number"),
        ("json", '[{"id": "a", "label": [[1]]}]', "label 1: a label is a number"),
        ("json", '[{"id": "a", "row": 1, "label": [1]}]', "leave out row"),
        ("json", '[{"id": null, "label": 1}]', "label 1: id should be the call's x-request-id"),
        ("json", '[{"id": true, "label": 1}]', "label 1: id should be"),
        ("jsonl", '{"id": "a", "label": 1}\n{"id"', "line 2: not JSON"),
        ("jsonl", '{"id": "a", "label": 1, "row": -1}', "line 1: row should be"),
        ("jsonl", '{"id": "a", "label": 1, "row": 1.5}', "line 1: row should be"),
        ("jsonl", '{"id": "a", "label": 1, "time": "noon"}', "line 1: time should be"),
        ("jsonl", '{"id": "a", "label": 1, "time": 1e300}', "line 1: time should be"),
        ("csv", "", "line 1: expected column names"),
        ("csv", "id,label\na\n", "line 2: 1 fields, and the head has 2"),
        ("csv", 'id,label\na,"1', "line 2: not CSV"),
        ("csv", "id,lable\na,1\n", "line 2: has no 'label'; it has id, lable"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(form, content, message):
    with pytest.raises(DataError) as told:
        read(form, content.encode(), Names())
    assert message in str(told.value)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(DataError, match="not UTF-8 at byte 9"):
        read("csv", b"id,label\n\xff,1", Names())


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize("content", [b'"\x80"', b'{"id": "\xff"}', b"[" * 100_000])
def test_text_that_is_none_and_depth_without_end_are_refused(form, content):
    with pytest.raises(DataError, match="not JSON"):
        read(form, content, Names())


@given(st.binary(max_size=200) | st.text().map(str.encode), st.sampled_from(sorted(READERS)))
def test_garbage_is_read_or_refused_and_nothing_else(content, form):
    with contextlib.suppress(DataError):
        assert read(form, content, Names()).empty >= 0


ROWS = st.tuples(st.text(min_size=1), st.integers(0, 99), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(ROWS))
def test_what_is_written_as_json_comes_back(rows):
    lines = [{"id": id_, "row": row, "label": value} for id_, row, value in rows]
    found = read("json", json.dumps(lines).encode(), Names()).labels
    assert [(one.id, one.row, one.value) for one in found] == rows
