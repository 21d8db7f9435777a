"""What the writer keeps: nothing twice, nothing lost by a disk that is full for a while, nothing for ever."""

import os

import pytest

from sidecar.capture import journal
from sidecar.capture.reading import calls
from sidecar.capture.store import Store
from tests.capture.kept import body, call, orders, parcel

NOW = 1_763_910_000.0


def store(folder, **changes):
    one = Store(orders(folder, **changes), folder, clears=True)
    one.tend(NOW)
    return one


def ids(folder):
    return [row["id"] for row in calls(str(folder), ("id",))]


def take(one, *numbers, now=NOW):
    for number in numbers:
        one.take(body(parcel(number, call(number))), now)


def test_rotated_by_time(tmp_path):
    one = store(tmp_path, segment_seconds=60.0)
    take(one, 1, 2)
    one.tend(NOW + 59)
    assert one.files == 0
    assert one.seconds_left(NOW + 59) == 1.0
    one.tend(NOW + 60)
    assert (one.files, one.safe) == (1, 2)
    assert len(list(tmp_path.glob("date=*/*.parquet"))) == 1
    assert ids(tmp_path) == ["call-1", "call-2"]


def test_rotated_by_size(tmp_path):
    one = store(tmp_path, segment_bytes=2000)
    for number in range(1, 21):
        take(one, number)
        one.tend(NOW)
    assert one.files == len(list(tmp_path.glob("date=*/*.parquet"))) > 3
    assert ids(tmp_path) == [f"call-{number}" for number in range(1, 21)]


def test_a_parcel_that_is_sent_again_is_kept_once(tmp_path):
    one = store(tmp_path)
    take(one, 1, 2, 2, 1, 3)
    assert ids(tmp_path) == ["call-1", "call-2", "call-3"]


def test_killed_and_started_again_nothing_safe_is_lost_or_doubled(tmp_path):
    killed = store(tmp_path)
    take(killed, 1, 2)
    os.close(killed._journal._file)  # as the end of its process does
    again = Store(orders(tmp_path), tmp_path, clears=True)
    again.recover()
    assert again.safe == 2
    take(again, 2, 3)
    again.tend(NOW)
    assert again.files == 1
    assert ids(tmp_path) == ["call-1", "call-2", "call-3"]


def test_killed_after_a_file_was_made_the_next_one_has_another_name(tmp_path):
    for number in (1, 2, 3):
        one = Store(orders(tmp_path), tmp_path, clears=True)
        one.recover()
        take(one, number, now=NOW + number / 10)
        one.seal()
        one.tend(NOW + number / 10)
    assert ids(tmp_path) == ["call-1", "call-2", "call-3"]


def test_what_another_version_wrote_is_set_aside(tmp_path):
    opening = journal.Opening("ffff", "model", "pod", NOW, 1)
    one = journal.Journal(tmp_path / journal.FOLDER, opening)
    one.append(b"\x93\x01\x02\x03", 3)
    one.full().close()
    store(tmp_path)
    (aside,) = (tmp_path / journal.FOLDER).iterdir()
    assert (aside.name, aside.stat().st_size) == ("ffff-00001.bad", one.size)


def test_what_another_life_left_becomes_a_file_but_says_nothing_of_ours(tmp_path):
    other = store(tmp_path, source="ffff0000")
    take(other, 1, 2, 3)
    os.close(other._journal._file)
    ours = store(tmp_path)
    assert (ours.safe, ours.files) == (0, 1)
    take(ours, 1)
    assert ids(tmp_path) == ["call-1", "call-2", "call-3", "call-1"]


def test_the_journal_of_one_who_lives_is_left_alone(tmp_path):
    living = store(tmp_path, source="ffff0000")
    take(living, 1)
    store(tmp_path)
    take(living, 2)
    living.seal()
    living.tend(NOW)
    assert ids(tmp_path) == ["call-1", "call-2"]


def test_old_files_go(tmp_path):
    one = store(tmp_path, segment_seconds=1.0, keep_seconds=100.0)
    take(one, 1)
    one.tend(NOW + 1)
    take(one, 2, now=NOW + 90)
    one.tend(NOW + 101)
    assert ids(tmp_path) == ["call-2"]
    assert (one.files, one.deleted) == (2, 1)


def test_a_journal_that_somebody_deleted_is_counted_and_stops_nothing(tmp_path):
    one = store(tmp_path, segment_seconds=1.0)
    take(one, 1, 2)
    for path in (tmp_path / journal.FOLDER).iterdir():
        path.unlink()
    one.tend(NOW + 1)
    assert one.lost == {"deleted": 2}
    take(one, 3, now=NOW + 1)
    one.tend(NOW + 2)
    assert ids(tmp_path) == ["call-3"]


def test_a_journal_that_no_file_can_be_made_of_is_set_aside(tmp_path):
    one = store(tmp_path, segment_seconds=1.0)
    take(one, 1)
    one.take(body(parcel(2, call(2, response_bytes=2**63))), NOW)
    one.tend(NOW + 1)
    assert one.lost == {"unwritable": 2}
    assert [path.suffix for path in (tmp_path / journal.FOLDER).iterdir()] == [".bad"]
    take(one, 3, now=NOW + 1)
    one.tend(NOW + 2)
    assert ids(tmp_path) == ["call-3"]


def test_a_place_that_cannot_be_written_raises_and_is_tried_again(tmp_path):
    folder = tmp_path / "there" / "captures"
    (tmp_path / "there").write_text("a file in the way")
    one = Store(orders(folder), folder, clears=True)
    with pytest.raises(OSError, match="there"):
        one.tend(NOW)
    (tmp_path / "there").unlink()
    one.tend(NOW)
    take(one, 1)
    assert ids(folder) == ["call-1"]
