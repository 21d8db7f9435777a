"""Captures read again: from a directory, a file, a URL; whole, by column, and while they are written."""

import shutil
from datetime import UTC, datetime

import pytest

from sidecar.capture import journal
from sidecar.capture.reading import batches, calls, find, schema_of_files
from sidecar.capture.store import Store
from sidecar.errors import SidecarError, UsageError
from tests.capture.kept import CAPTURED, body, call, orders, parcel

NOW = 1_763_910_000.0


@pytest.fixture
def place(tmp_path):
    """Calls 1 and 2 in a file, 3 in a later file, 4 in none yet."""
    folder = tmp_path / "captures"
    store = Store(orders(folder, segment_seconds=10.0), folder, clears=True)
    for now, numbers in ((NOW, (1, 2)), (NOW + 20, (3,)), (NOW + 40, (4,))):
        store.tend(now)
        for number in numbers:
            store.take(body(parcel(number, call(number))), now)
    return folder


def test_every_call_as_plain_values(place):
    found = list(calls(str(place)))
    assert [row["id"] for row in found] == ["call-1", "call-2", "call-3", "call-4"]
    first, last = found[0], found[-1]
    assert first.keys() == last.keys() == set(schema_of_files().names)
    assert first["started"] == datetime(2025, 11, 23, 15, 0, 0, 1000, UTC)
    assert first["features"] == {"amount": [1.0, None], "country": [1.0, 0.0]}
    assert last["request_headers"] == {"content-type": "application/json"}
    assert last["request_body"] == CAPTURED.request_body


def test_some_columns(place):
    assert list(calls(str(place), ("weight", "id")))[2] == {"weight": 10.0, "id": "call-3"}
    assert {tuple(batch.schema.names) for batch in batches(str(place), ("id",))} == {("id",)}
    with pytest.raises(UsageError, match="no column idd; there are id, started"):
        list(calls(str(place), ("idd",)))


def test_one_file_and_a_url(place):
    (file, _) = sorted(place.glob("date=*/*.parquet"))
    assert [row["id"] for row in calls(str(file), ("id",))] == ["call-1", "call-2"]
    assert [row["id"] for row in calls(f"file://{file}", ("id",))] == ["call-1", "call-2"]
    assert [row["id"] for row in calls(f"file://{place}", ("id",))] == ["call-1", "call-2", "call-3"]


def test_a_journal_that_is_a_file_already_is_read_once(place):
    (path,) = place.glob(".open/*.journal")
    again = path.read_bytes()
    store = Store(orders(place), place, clears=True)
    fresh = place.parent / "copy"
    shutil.copytree(place, fresh)
    store = Store(orders(fresh), fresh, clears=True)
    store.tend(NOW + 60)
    (fresh / ".open" / path.name).write_bytes(again)
    assert [row["id"] for row in calls(str(fresh), ("id",))] == ["call-1", "call-2", "call-3", "call-4"]


def test_a_journal_that_becomes_a_file_while_it_is_read_is_left_out(place, monkeypatch):
    real = journal.parcels

    def gone(path):
        path.unlink()
        return real(path)

    monkeypatch.setattr(journal, "parcels", gone)
    assert [call["id"] for call in calls(str(place), ("id",))] == ["call-1", "call-2", "call-3"]


def test_files_older_than_a_column_have_null_there(place):
    import pyarrow.parquet as pq

    (file, *_) = sorted(place.glob("date=*/*.parquet"))
    pq.write_table(pq.read_table(file).drop_columns(["drift"]), file)
    assert [row["drift"] for row in calls(str(place), ("drift",))] == [None, None, "stable", "stable"]


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match="there are no captures"):
        find(str(tmp_path))
    with pytest.raises(UsageError, match="there are no captures"):
        list(calls("memory://nowhere"))
    with pytest.raises(SidecarError, match="cannot be read"):
        list(calls("nonsense://x"))


def test_what_is_no_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"no parquet at all")
    with pytest.raises(SidecarError, match="cannot be read"):
        list(calls(str(path)))
