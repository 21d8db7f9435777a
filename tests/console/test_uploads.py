import pytest

from sidecar.console import uploads
from sidecar.console.problem import Problem
from sidecar.labels.label import Label
from sidecar.labels.reading import READERS, Names
from tests.labels.test_parquet import TWO


def test_every_format_has_a_type():
    assert set(uploads.TYPES.values()) == {*READERS, "parquet"}


def test_columns_are_named_in_the_query():
    assert uploads.names({"label": "target"}) == Names(label="target")


async def test_labels_are_read_by_type():
    found = await uploads.labels("text/csv", b"id,label\na,1\n", Names())
    assert found.labels == [Label("a", 0, 1.0)]


async def test_parquet_is_read_elsewhere():
    found = await uploads.labels("application/vnd.apache.parquet", TWO, Names())
    assert [label.id for label in found.labels] == ["a", "b"]


@pytest.mark.parametrize(
    ("type_", "body", "word"),
    [("text/csv", b"id\n1\n", "line 2"), ("application/x-parquet", b"x", "not Parquet")],
)
async def test_what_is_wrong_is_a_problem(type_, body, word):
    with pytest.raises(Problem, match=word) as told:
        await uploads.labels(type_, body, Names())
    assert told.value.status == 400


async def test_a_file_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(uploads, "PARQUET_SECONDS", 0.0)
    with pytest.raises(Problem, match="took longer"):
        await uploads.labels("application/x-parquet", TWO, Names())
