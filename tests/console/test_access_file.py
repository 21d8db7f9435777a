"""The access log on disk: appended, rotated under it, full disk and hanging reader survived."""

import os
import time

import pytest

from sidecar.console import access_file
from sidecar.console.access_file import AccessFile


def until(condition, seconds=5.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_lines_are_appended_and_a_rotated_file_is_let_go(tmp_path):
    path = tmp_path / "access.log"
    file = AccessFile(str(path))
    file.write(b"one\n")
    until(lambda: path.exists() and path.read_bytes() == b"one\n")
    path.rename(tmp_path / "access.log.1")
    file.write(b"two\n")
    file.write(b"three\n")
    file.close()
    assert path.read_bytes() == b"two\nthree\n"
    assert (tmp_path / "access.log.1").read_bytes() == b"one\n"
    assert file.dropped == 0


def test_standard_output(capfdbinary):
    file = AccessFile("-")
    file.write(b"one\n")
    file.close()
    assert capfdbinary.readouterr().out == b"one\n"


def test_what_cannot_be_written_is_counted_and_told_once(tmp_path, caplog):
    file = AccessFile(str(tmp_path / "missing" / "access.log"))
    for _ in range(3):
        file.write(b"one\ntwo\n")
        time.sleep(0.02)
    file.close()
    assert file.dropped == 6
    assert len([r for r in caplog.records if "lines are lost" in r.getMessage()]) == 1


def test_it_goes_on_when_the_disk_does(tmp_path):
    path = tmp_path / "later" / "access.log"
    file = AccessFile(str(path))
    file.write(b"lost\n")
    until(lambda: file.dropped == 1)
    path.parent.mkdir()
    file.write(b"kept\n")
    file.close()
    assert path.read_bytes() == b"kept\n"


def test_a_reader_that_hangs_costs_lines_and_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(access_file, "CLOSE_SECONDS", 0.1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    file = AccessFile(str(pipe))
    line = b"x" * 99_999 + b"\n"
    began = time.monotonic()
    for _ in range(100):
        file.write(line)
    assert time.monotonic() - began < 1.0
    assert 50 <= file.dropped <= 60
    file.close()
    os.close(reader)


@pytest.mark.parametrize("count", [1, 100])
def test_every_line_is_there_in_order(tmp_path, count):
    path = tmp_path / "access.log"
    file = AccessFile(str(path))
    for number in range(count):
        file.write(b"%d\n" % number)
    file.close()
    assert path.read_bytes() == b"".join(b"%d\n" % number for number in range(count))
