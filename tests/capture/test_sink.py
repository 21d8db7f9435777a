"""The observer's end, with real writers: whatever becomes of them, every record is kept or counted."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager, suppress

import psutil
import pytest

from sidecar.capture.parcels import Report
from sidecar.capture.reading import calls
from sidecar.capture.sink import PARCEL_RECORDS, Sink
from tests.capture.kept import DIGEST, LAYOUT, call, orders

LAYOUTS = {DIGEST: LAYOUT}


@asynccontextmanager
async def sink(place, limit=2**25, **changes):
    one = Sink("files", orders(place, **changes), limit)
    work = asyncio.ensure_future(one.run())
    try:
        yield one
        await one.close()
        await asyncio.wait_for(work, 60)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        for writer in writers():
            writer.kill()


def writers():
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "sidecar.capture" in child.cmdline():
                found.append(child)
    return found


async def until(condition, seconds=60.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def ids(place):
    return sorted(row["id"] for row in calls(str(place), ("id",)))


async def test_what_is_offered_is_kept(tmp_path):
    async with sink(tmp_path) as one:
        one.offer([call(i) for i in range(PARCEL_RECORDS + 1)], "stable", LAYOUTS)
        one.offer([call(1000, captured=None, weight=0.0)], "stable", LAYOUTS)
        await until(lambda: one.kept == PARCEL_RECORDS + 1)
        assert (one.offered, one.weight, one.waiting, one.waiting_bytes) == (257, 2570.0, 0, 0)
    assert len(ids(tmp_path)) == 257
    assert len(list(tmp_path.glob("date=*/*.parquet"))) == 1, "the writer finished its file"


async def test_a_writer_that_is_killed_loses_nothing(tmp_path):
    async with sink(tmp_path) as one:
        for start in range(0, 3000, 100):
            one.offer([call(i) for i in range(start, start + 100)], "", LAYOUTS)
            if start in (500, 1500):
                await until(lambda: one.kept > 0 and writers())
                os.kill(writers()[0].pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
        await until(lambda: one.kept == 3000)
        assert (one.restarts, one.dropped.total()) == (2, 0)
    assert ids(tmp_path) == sorted(f"call-{i}" for i in range(3000))


async def test_a_writer_that_is_stuck_costs_records_and_nothing_else(tmp_path):
    async with sink(tmp_path, limit=200_000) as one:
        one.offer([call(0)], "", LAYOUTS)
        await until(lambda: one.kept == 1)
        (stuck,) = writers()
        stuck.suspend()
        for i in range(1, 2001):
            one.offer([call(i)], "", LAYOUTS)
        assert one.waiting_bytes <= 200_000
        assert one.dropped["queue-full"] > 0
        assert one.offered == one.kept + one.dropped.total() + one.waiting
        stuck.resume()
        await until(lambda: one.waiting == 0)
        one.offer([call(5000)], "", LAYOUTS)
        await until(lambda: one.waiting == 0)
        assert one.restarts == 0
    found = ids(tmp_path)
    assert len(found) == one.kept == 2002 - one.dropped["queue-full"]
    assert "call-5000" in found


async def test_a_place_that_cannot_be_written_is_told_and_tried_again(tmp_path):
    place = tmp_path / "captures"
    place.write_text("a file in the way")
    async with sink(place) as one:
        one.offer([call(1)], "", LAYOUTS)
        await until(lambda: one.report.error)
        assert "captures" in one.report.error
        assert (one.kept, one.waiting) == (0, 1)
        place.unlink()
        await until(lambda: one.kept == 1)
        assert (one.report.error, one.restarts) == ("", 0)
    assert ids(place) == ["call-1"]


async def test_a_parcel_that_kills_its_writers_is_given_up(tmp_path):
    one = Sink("files", orders(tmp_path), 10**6)
    one.offer([call(1)], "", LAYOUTS)
    one.offer([call(2)], "", LAYOUTS)
    for _ in range(3):
        one._sent.append(one._queue.popleft())
        one._died()
    assert one.dropped == {"queue-full": 0, "unwritable": 1}
    assert [waiting.number for waiting in one._queue] == [2]


async def test_what_earlier_writers_counted_stays_counted(tmp_path):
    one = Sink("files", orders(tmp_path), 10**6)
    one._reported(Report(files=3, errors=1))
    one._died()
    one._reported(Report(files=2))
    one._died()
    assert (one.past.files, one.past.errors) == (5, 1)


async def test_garbage_from_a_writer_ends_it(caplog):
    from sidecar.capture.sink import Line

    class Transport:
        aborted = False

        def abort(self):
            self.aborted = True

    line = Line(lambda told: None, lambda: None)
    line.connection_made(Transport())
    line.data_received(b"\x00\x00\x00\x01\xc1")
    assert line.transport.aborted


@pytest.mark.parametrize("bad", [call(1, target="\udcff\udcfe")])
async def test_a_record_that_cannot_be_told_is_counted(tmp_path, bad, caplog):
    one = Sink("files", orders(tmp_path), 10**6)
    one.offer([bad], "", LAYOUTS)
    assert one.dropped == {"queue-full": 0, "unwritable": 1}
