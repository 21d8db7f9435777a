"""Directories and URLs alike: whole files appear, old ones go, and what isn't ours is left alone."""

import ftplib
import sys
from contextlib import contextmanager

import pytest

from examples.processes import Process, free_port
from sidecar.capture.places import File, Folder, Remote, clear, shown, surplus


def name(day, number=1):
    return f"date=2025-11-{day:02}/model-pod-202511{day:02}T120000Z-0a1b-{number:05}.parquet"


DAY = 86_400.0
NOON = 1_763_899_200.0  # on the 23rd


@contextmanager
def ftp(folder):
    """A real server, and its URL."""
    port = free_port()
    serve = [sys.executable, "-Wignore", "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port), "-w"]
    with Process("ftp", [*serve, "-d", str(folder), "-u", "u", "-P", "p"], folder.parent) as process:
        process.wait_until(lambda: answers(port))
        yield f"ftp://u:p@127.0.0.1:{port}/captures"


def answers(port):
    try:
        with ftplib.FTP() as client:
            client.connect("127.0.0.1", port, timeout=5)
    except OSError:
        return False
    return True


def test_passwords_are_not_shown():
    assert shown("ftp://u:p@h/x failed") == "ftp://h/x failed"
    assert shown("s3://bucket/a@b") == "s3://bucket/a@b"


def test_too_old_or_too_many_the_oldest_go():
    files = [File(name(day), 100, NOON + (day - 23) * DAY) for day in range(1, 24)]
    assert surplus(files, 0, 0.0, NOON) == []
    assert {one.name for one in surplus(files, 0, 20.5 * DAY, NOON)} == {name(1), name(2)}
    assert {one.name for one in surplus(files, 2100, 0.0, NOON)} == {name(1), name(2)}
    assert len(surplus(files, 50, 0.0, NOON)) == 23
    files = [File(name(day), size, NOON + (day - 23) * DAY) for day, size in ((21, 5), (22, 95), (23, 10))]
    assert {one.name for one in surplus(files, 100, 0.0, NOON)} == {name(21), name(22)}, "no newer one first"


def test_a_folder(tmp_path):
    for day in (20, 21):
        path = tmp_path / name(day)
        path.parent.mkdir()
        path.write_bytes(bytes(100))
    (tmp_path / "date=2025-11-20" / "mine.parquet").write_bytes(bytes(9))
    (tmp_path / "date=2025-11-20" / ".x.parquet.part").write_bytes(bytes(9))
    place = Folder(tmp_path)
    assert sorted(place.files()) == [File(name(day), 100, NOON + (day - 23) * DAY) for day in (20, 21)]
    assert clear(place, 0, 2.5 * DAY, NOON) == 1
    assert (tmp_path / "date=2025-11-20" / "mine.parquet").exists()
    assert clear(place, 1, 0.0, NOON) == 1
    assert not (tmp_path / "date=2025-11-21").exists()
    assert clear(place, 0, 0.0, NOON) == 0
    place.remove(name(21))


@pytest.mark.parametrize("kind", ["memory", "file", "ftp"])
def test_a_url(tmp_path, kind):
    local = tmp_path / "x.parquet"
    local.write_bytes(b"content")
    remote = tmp_path / "remote"
    remote.mkdir()
    with ftp(remote) as server:
        url = {"memory": f"memory://{tmp_path.name}", "file": f"file://{remote}", "ftp": server}[kind]
        place = Remote(url)
        assert place.files() == []
        for day in (20, 21):
            place.put(local, name(day))
        assert sorted(place.files()) == [File(name(day), 7, NOON + (day - 23) * DAY) for day in (20, 21)]
        assert clear(place, 7, 0.0, NOON) == 1
        assert [one.name for one in place.files()] == [name(21)]
        if kind != "ftp":
            place.remove(name(20))
    if kind == "ftp":
        assert (remote / "captures" / name(21)).read_bytes() == b"content"
        assert [one.name for one in remote.rglob("*.part")] == []
