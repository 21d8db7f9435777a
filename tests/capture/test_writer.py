"""The writer's process with a URL: a spool that is bounded, and an upload that never ends."""

import socket

from sidecar.capture.reading import calls
from sidecar.capture.writer import HUNG
from tests.capture.kept import call
from tests.capture.test_places import ftp
from tests.capture.test_sink import LAYOUTS, sink, until, writers


async def test_files_go_to_a_url_and_come_back_after_it_was_away(tmp_path):
    remote = tmp_path / "remote"
    remote.mkdir()
    with ftp(remote) as url:
        facts = {"spool": str(tmp_path / "spool"), "segment_seconds": 0.2}
        async with sink(url, **facts) as one:
            one.offer([call(1)], "", LAYOUTS)
            await until(lambda: one.report.files == 1)
            (remote / "captures").rename(remote / "elsewhere")
            (remote / "captures").write_text("a file in the way")
            one.offer([call(2)], "", LAYOUTS)
            await until(lambda: one.report.error)
            assert one.kept == 2, "it is on disk"
            assert one.report.waiting_bytes > 0
            (remote / "captures").unlink()
            (remote / "elsewhere").rename(remote / "captures")
            await until(lambda: one.report.files == 2)
            assert (one.report.error, one.report.waiting_bytes) == ("", 0)
        assert [row["id"] for row in calls(url, ("id",))] == ["call-1", "call-2"]


async def test_a_spool_that_is_full_takes_no_more(tmp_path):
    facts = {"spool": str(tmp_path / "spool"), "segment_seconds": 0.01, "spool_bytes": 1000}
    async with sink("ftp://u:p@127.0.0.1:1/x", **facts) as one:
        one.offer([call(1)], "", LAYOUTS)
        await until(lambda: one.report.waiting_bytes > 1000)
        one.offer([call(2)], "", LAYOUTS)
        await until(lambda: "capture-spool-bytes" in one.report.error)
        assert (one.kept, one.waiting) == (1, 1)


async def test_an_upload_that_never_ends_is_begun_again_by_another_writer(tmp_path):
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    facts = {"spool": str(tmp_path / "spool"), "segment_seconds": 0.1, "timeout": 1.0}
    with silent:
        async with sink(f"ftp://u:p@127.0.0.1:{port}/x", **facts) as one:
            one.offer([call(1)], "", LAYOUTS)
            await until(lambda: one.restarts >= 1)
            assert "no end after 1 s" in one.report.error
            await until(lambda: writers() and one.kept == 1)
            one.offer([call(2)], "", LAYOUTS)
            await until(lambda: one.kept == 2)
    assert HUNG == 75


async def test_a_writer_that_has_made_a_file_is_as_small_as_before(tmp_path):
    async with sink(tmp_path, segment_seconds=0.1) as one:
        one.offer([call(1)], "", LAYOUTS)
        await until(lambda: one.report.files == 1)
        (writer,) = writers()
        assert not [where.path for where in writer.memory_maps() if "arrow" in where.path]


async def test_a_writer_whose_observer_was_killed_finishes_its_file(tmp_path):
    async with sink(tmp_path) as one:
        one.offer([call(1)], "", LAYOUTS)
        await until(lambda: one.kept == 1)
        (writer,) = writers()
        one._ending = True  # nobody is to kill it
        one._line.transport.abort()
        await until(lambda: not writer.is_running() or writer.status() == "zombie")
    assert len(list(tmp_path.glob("date=*/*.parquet"))) == 1
