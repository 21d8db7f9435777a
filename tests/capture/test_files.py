"""A journal becomes a file that others read; half of one is never seen."""

import pyarrow.parquet as pq
import pytest

from sidecar.capture import arrays, files, journal
from sidecar.capture.journal import Journal, Opening
from tests.capture.kept import body, call, parcel


def closed(folder, *calls, began=1_763_910_000.0):
    one = Journal(folder / journal.FOLDER, Opening("0a1b", "model", "pod", began, 1))
    for number, record in enumerate(calls, 1):
        one.append(body(parcel(number, record)), 1)
    one.full().close()
    return one.path


def test_a_journal_becomes_a_file(tmp_path):
    path = closed(tmp_path, *map(call, range(50)))
    made = files.finish(path, tmp_path)
    assert made is not None
    assert not path.exists()
    table = pq.read_table(made)
    assert table.schema.equals(arrays.SCHEMA)
    assert table["id"].to_pylist() == [f"call-{i}" for i in range(50)]
    assert pq.ParquetFile(made).schema_arrow.metadata[b"service"] == b"model"
    assert sorted(made.parent.iterdir()) == [made]


def test_row_groups_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "GROUP_ROWS", 20)
    monkeypatch.setattr(files, "BATCH_ROWS", 10)
    made = files.finish(closed(tmp_path, *map(call, range(50))), tmp_path)
    assert pq.ParquetFile(made).metadata.num_row_groups == 3
    assert pq.read_table(made)["id"].to_pylist() == [f"call-{i}" for i in range(50)]


def test_finished_twice_it_is_the_same_file(tmp_path):
    path = closed(tmp_path, call(1))
    again = path.read_bytes()
    made = files.finish(path, tmp_path)
    path.write_bytes(again)
    assert files.finish(path, tmp_path) == made
    assert len(list(tmp_path.glob("date=*/*"))) == 1


@pytest.mark.parametrize("content", [b"", b"\x00\x00", None])
def test_an_empty_journal_leaves_nothing(tmp_path, content):
    path = closed(tmp_path)
    if content is not None:
        path.write_bytes(content)
    assert files.finish(path, tmp_path) is None
    assert not path.exists()
    assert list(tmp_path.glob("date=*/*")) == []


def test_a_failure_leaves_the_journal_and_no_part(tmp_path):
    path = closed(tmp_path, call(1))
    (tmp_path / "date=2025-11-23").write_text("in the way")
    with pytest.raises(OSError, match="date="):
        files.finish(path, tmp_path)
    assert path.exists()
    assert [one.name for one in tmp_path.iterdir() if one.name != journal.FOLDER] == ["date=2025-11-23"]
