"""Files are made by a process of their own: the writer stays small, and neither's death costs a record."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from sidecar.capture import finishing, journal
from sidecar.capture.finishing import Unwritable, finish
from sidecar.capture.journal import Journal, Opening, abandoned
from sidecar.capture.reading import calls
from tests.capture.kept import body, call, parcel, until

OPENING = Opening("0a1b", "model", "pod", 1_763_910_000.0, 1)


def full(folder, *records):
    one = Journal(folder / journal.FOLDER, OPENING)
    for number, record in enumerate(records, 1):
        one.append(body(parcel(number, record)), 1)
    return one.full()


def ids(folder):
    return [row["id"] for row in calls(str(folder), ("id",))]


def test_a_journal_becomes_a_file(tmp_path):
    one = full(tmp_path, call(1), call(2))
    size = finish(one, tmp_path)
    one.close()
    (made,) = tmp_path.glob("date=*/*.parquet")
    assert size == made.stat().st_size
    assert not one.path.exists()
    assert ids(tmp_path) == ["call-1", "call-2"]


def test_an_empty_journal_is_no_file(tmp_path):
    one = full(tmp_path)
    assert finish(one, tmp_path) == 0
    one.close()
    assert not one.path.exists()


def test_what_the_disk_does_not_take_may_go_well_another_time(tmp_path):
    one = full(tmp_path, call(1))
    (tmp_path / "date=2025-11-23").write_text("in the way")
    with pytest.raises(OSError, match="date="):
        finish(one, tmp_path)
    (tmp_path / "date=2025-11-23").unlink()
    assert finish(one, tmp_path) > 0
    one.close()


def test_what_arrow_cannot_hold_never_will(tmp_path):
    one = full(tmp_path, call(1, response_bytes=2**63))
    with pytest.raises(Unwritable, match="int"):
        finish(one, tmp_path)
    one.close()
    assert one.path.exists()


def test_a_process_that_is_killed_may_go_well_another_time(tmp_path, monkeypatch):
    one = full(tmp_path, call(1))
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(finishing.sys, "executable", str(killed))
        with pytest.raises(OSError, match="-9"):
            finish(one, tmp_path)
    assert finish(one, tmp_path) > 0
    one.close()


WRITER = """
import sys
from pathlib import Path
from sidecar.capture.finishing import finish
from sidecar.capture.journal import abandoned
(one,) = abandoned(Path(sys.argv[1]) / ".open")
finish(one, Path(sys.argv[1]))
"""


def test_a_writer_killed_meanwhile_leaves_the_journal_in_the_hands_of_who_makes_the_file(tmp_path):
    full(tmp_path, *map(call, range(1000))).close()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) as writer:
        until(lambda: psutil.Process(writer.pid).children())
        (maker,) = psutil.Process(writer.pid).children()
        maker.suspend()
        os.kill(writer.pid, signal.SIGKILL)
    assert list(abandoned(tmp_path / journal.FOLDER)) == []
    maker.resume()
    until(lambda: list(tmp_path.glob("date=*/*.parquet")) and not maker.is_running())
    assert ids(tmp_path) == [f"call-{i}" for i in range(1000)]


def test_the_writer_itself_needs_nothing_large():
    asked = "import sys, sidecar.capture.writer; print(*{'numpy', 'pyarrow', 'asyncio'} & {*sys.modules})"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []
