"""Files go to a URL when it can be reached, and wait when it can't."""

import threading

from sidecar.capture.places import Remote
from sidecar.capture.uploads import Uploads
from tests.capture.kept import until

NAMES = [f"date=2025-11-23/m-p-20251123T12000{i}Z-0a-00001.parquet" for i in range(3)]


def spooled(folder):
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


class Flaky(Remote):
    """A store that is away twice, and then is there."""

    failures = 2
    hold: threading.Event | None = None

    def put(self, local, name):
        if self.hold is not None:
            self.hold.wait(30)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("not now")
        super().put(local, name)


def test_they_go_oldest_first_and_leave_the_spool(tmp_path):
    place = Flaky(f"file://{tmp_path}/far")
    one = Uploads(lambda: place, spooled(tmp_path / "spool"), 0, 0.0)
    until(lambda: one.error)
    assert "not now" in one.error
    assert len(one.waiting()) == 3
    assert one.waiting_bytes() == sum(map(len, NAMES))
    until(lambda: one.files == 3)
    until(lambda: not one.error)
    assert (one.errors, one.file_bytes, one.waiting()) == (2, sum(map(len, NAMES)), [])
    assert sorted(file.name for file in place.files()) == NAMES
    one.close(10)


def test_it_says_how_long_an_upload_has_taken(tmp_path):
    place = Flaky(f"file://{tmp_path}/far")
    place.failures, place.hold = 0, threading.Event()
    one = Uploads(lambda: place, spooled(tmp_path / "spool"), 0, 0.0)
    until(lambda: one.busy_seconds() > 0.1)
    place.hold.set()
    until(lambda: one.files == 3 and one.busy_seconds() == 0.0)
    one.close(10)


def test_at_the_end_it_goes_on_until_all_is_there(tmp_path):
    spool = tmp_path / "spool"
    one = Uploads(lambda: Remote(f"file://{tmp_path}/far"), spool, 0, 0.0)
    spooled(spool)
    one.close(30)
    assert one.waiting() == []
    assert one.files == 3


def test_a_place_that_does_not_exist(tmp_path):
    one = Uploads(lambda: Remote("nonsense://x"), spooled(tmp_path), 0, 0.0)
    until(lambda: one.error)
    assert "nonsense" in one.error
    one.close(10)
