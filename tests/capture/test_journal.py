"""A journal is read as far as it was written whole, wherever it breaks off; a full disk adds nothing to
it."""

import resource

import msgspec
import pytest

from sidecar.capture.journal import Journal, Opening, abandoned, opening, parcels, unreadable
from tests.capture.kept import body, call, parcel

OPENING = Opening("0a1b", "my model/v2", "pod", 1_763_910_000.0, 3)


def written(folder, count=3):
    one = Journal(folder, OPENING)
    for number in range(1, count + 1):
        one.append(body(parcel(number, call(number))), 1)
    return one


def test_what_was_written_is_read(tmp_path):
    one = written(tmp_path)
    assert (one.records, one.size) == (3, one.path.stat().st_size)
    assert opening(one.path) == OPENING
    assert [found.number for found in parcels(one.path)] == [1, 2, 3]
    one.full().close()


def test_torn_anywhere_it_is_read_up_to_there(tmp_path):
    one = written(tmp_path)
    one.full().close()
    whole = one.path.read_bytes()
    read = []
    for size in range(0, len(whole), 7):
        one.path.write_bytes(whole[:size])
        read.append(len(list(parcels(one.path))))
    assert read == sorted(read)
    assert set(read) == {0, 1, 2}
    one.path.write_bytes(whole + bytes(4096))
    assert len(list(parcels(one.path))) == 3, "zeros, as a power failure leaves them"
    one.path.write_bytes(whole + b"\x00\x00\x00\x05garba")
    assert len(list(parcels(one.path))) == 3


def test_whole_frames_that_cannot_be_read_are_counted(tmp_path):
    one = written(tmp_path)
    assert unreadable(one.path) == 0
    one.append(b"\x93\x01\x02\x03", 1)
    one.append(body(parcel(5, call(5))), 1)
    one.full().close()
    assert unreadable(one.path) == 2
    whole = one.path.read_bytes()
    one.path.write_bytes(whole[4 + len(msgspec.msgpack.encode(OPENING)) :])
    assert (opening(one.path), unreadable(one.path)) == (None, 5)


def test_a_lock_says_whose_writer_lives(tmp_path):
    one = written(tmp_path)
    assert list(abandoned(tmp_path)) == []
    full = one.full()
    assert list(abandoned(tmp_path)) == [], "nor while a file is made of it"
    full.close()
    (ours,) = abandoned(tmp_path)
    assert ours.path == one.path
    assert list(abandoned(tmp_path)) == [], "it's ours now"
    ours.close()


def test_a_file_that_cannot_grow_stays_as_it_was(tmp_path):
    one = written(tmp_path)
    size = one.size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            one.append(body(parcel(4, call(4))), 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (one.size, one.records, one.path.stat().st_size) == (size, 3, size)
    one.append(body(parcel(4, call(4))), 1)
    one.full().close()
    assert [found.number for found in parcels(one.path)] == [1, 2, 3, 4]


def test_names_say_when_and_who_and_cannot_lead_elsewhere():
    assert OPENING.name == "date=2025-11-23/my_model_v2-pod-20251123T150000Z-0a1b-00003.parquet"
    odd = Opening("0a", "../../etc", "p", 0.0, 1).name
    assert odd == "date=1970-01-01/etc-p-19700101T000000Z-0a-00001.parquet"
