"""Dialogues over a real socket between data planes and the observer's end of the link."""

import asyncio
import stat
import time
from contextlib import suppress

import pytest

from sidecar.exchange import Joined, Outbound
from sidecar.link import MAX_FRAME, Drift, Progress, frame
from sidecar.observer.hearing import GATHER_SECONDS, SLICE, Hearing
from tests.observer.talk import DataPlane, alike, batch, record


class Memory:
    """Hears, and notes what it heard."""

    def __init__(self):
        self.batches = []
        self.records = []
        self.slices = []
        self.workers = []
        self.alike = []
        self.outbound = []
        self.now_ordered = (Progress(0, 10),)
        self.seconds = 0.0

    def connected(self, worker):
        self.workers.append(worker)

    def gone(self, worker):
        self.workers.remove(worker)

    def hear(self, batch):
        self.batches.append(batch)

    def take_in(self, records):
        self.slices.append(len(records))
        self.records += [record.id for record in records]
        time.sleep(self.seconds)

    def take_in_alike(self, alike):
        self.alike += alike

    def take_outbound(self, outbound):
        self.outbound += outbound

    def orders(self):
        return self.now_ordered


@pytest.fixture
async def memory():
    return Memory()


@pytest.fixture
async def hearing(memory, tmp_path):
    hearing = Hearing(memory)
    await hearing.open(tmp_path / "observer.sock")
    yield hearing
    await hearing.close()


@pytest.fixture
async def connect(hearing, tmp_path):
    planes = []

    async def connect():
        planes.append(await DataPlane.connect(tmp_path))
        return planes[-1]

    yield connect
    for plane in planes:
        await plane.close()


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_batches_of_several_workers_are_heard_in_their_order(memory, connect):
    one, other = await connect(), await connect()
    for i in range(0, 20, 2):
        await one.say(batch(record(i), record(i + 1)))
        await other.say(batch(record(100 + i), worker=1))
    await until(lambda: len(memory.records) == 30)
    own = [id_ for id_ in memory.records if len(id_) < 8]
    assert own == [f"call-{i}" for i in range(20)]
    assert sorted(memory.workers) == [0, 1]


async def test_calls_told_in_brief_are_taken_in_too_also_without_others(memory, connect, tmp_path):
    plane = await connect()
    few = alike(record(1, rows=1), record(2, rows=1))
    await plane.say(batch(record(0), alike=(few,)))
    await plane.say(batch(alike=(few, few)))
    await until(lambda: sum(one.calls for one in memory.alike) == 6)
    assert memory.records == ["call-0"]
    assert memory.alike[0] == few


async def test_a_batch_may_come_byte_by_byte_and_two_at_once(memory, connect):
    plane = await connect()
    whole = frame(batch(record(0))) + frame(batch(record(1)))
    for byte in whole[:-3]:
        await plane.send(bytes([byte]))
    await until(lambda: memory.records == ["call-0"])
    await plane.send(whole[-3:] + frame(batch()))
    await until(lambda: len(memory.batches) == 3 and len(memory.records) == 2)
    assert memory.records == ["call-0", "call-1"]


@pytest.mark.parametrize(
    "bad",
    [
        b"\x00\x00\x00\x05hello",
        (MAX_FRAME + 1).to_bytes(4, "big"),
        frame(Progress(1, 2)),
        b"\x00\x00\x00\x00",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        frame(batch(record(0)))[:-8] + b"\xc1" * 8,
    ],
)
async def test_a_malformed_frame_costs_its_sender_the_connection_and_nobody_else(
    memory, connect, caplog, bad
):
    bad_plane, good_plane = await connect(), await connect()
    await bad_plane.say(batch())
    await bad_plane.send(bad)
    assert await bad_plane.hung_up_on()
    assert "malformed frame" in caplog.text
    await good_plane.say(batch(record(7), worker=1))
    await until(lambda: memory.records == ["call-7"])
    assert memory.workers == [1]


async def test_an_error_in_the_observer_costs_one_connection(memory, connect, caplog):
    plane = await connect()
    memory.take_in = lambda records: 1 / 0
    await plane.say(batch(record(0)))
    assert await plane.hung_up_on()
    assert "could not be taken in" in caplog.text
    del memory.take_in
    again = await connect()
    await again.say(batch(record(1)))
    await until(lambda: memory.records == ["call-1"])


async def test_a_worker_that_connects_late_is_told_what_holds_now(memory, connect):
    memory.now_ordered = (Progress(5, 10), Drift("stable"))
    early = await connect()
    assert await early.hear(Progress) == Progress(5, 10)
    memory.now_ordered = (Progress(10, 10), Drift("stable"))
    late = await connect()
    assert await late.hear(Progress) == Progress(10, 10)
    assert await late.hear(Drift) == Drift("stable")


async def test_orders_are_sent_when_they_change_and_only_then(memory, connect):
    plane = await connect()
    assert await plane.hear(Progress) == Progress(0, 10)
    memory.now_ordered = (Progress(3, 10),)
    assert await plane.hear(Progress) == Progress(3, 10)
    with pytest.raises(TimeoutError):
        await plane.hear(Progress, seconds=0.8)


async def test_a_worker_that_hangs_up_is_gone(memory, connect):
    plane = await connect()
    await plane.say(batch())
    await until(lambda: memory.workers == [0])
    await plane.close()
    await until(lambda: memory.workers == [])


async def test_a_long_batch_is_taken_in_slices(memory, connect):
    plane = await connect()
    await plane.say(batch(*(record(i) for i in range(3 * SLICE + 1))))
    await until(lambda: len(memory.records) == 3 * SLICE + 1)
    assert memory.slices == [SLICE, SLICE, SLICE, 1]


async def test_batches_that_come_close_together_are_taken_in_together_and_soon(memory, connect):
    plane = await connect()
    await plane.say(batch())
    await until(lambda: memory.batches)
    began = time.monotonic()
    for i in range(5):
        await plane.say(batch(record(i)))
    await until(lambda: memory.slices)
    assert memory.slices == [5]
    assert time.monotonic() - began < 5 * GATHER_SECONDS


async def test_records_are_taken_in_before_another_baseline_is_heard_of(memory, connect):
    plane = await connect()
    heard = []
    memory.hear = lambda batch: heard.append(batch.baseline)
    memory.take_in = lambda records: heard.append(records[0].id)
    await plane.say(batch(record(0), baseline="/old"))
    await plane.say(batch(record(1), baseline="/new"))
    await until(lambda: len(heard) == 4)
    assert heard == ["/old", "call-0", "/new", "call-1"]


@pytest.mark.parametrize("last", [b"", b"\x00\x00\x00\x05hello"])
async def test_what_was_gathered_is_taken_in_whatever_becomes_of_the_connection(memory, connect, last):
    plane = await connect()
    await plane.hear(Progress)
    await plane.send(frame(batch(record(0))) + last)
    await plane.close()
    await until(lambda: memory.records == ["call-0"])


async def test_an_observer_that_cannot_keep_up_stops_reading(memory, connect):
    memory.seconds = 0.05
    plane = await connect()
    body = b"x" * 100_000
    sent = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(1.5):
            while True:
                await plane.say(batch(record(sent, response_body=body)))
                sent += 1
    waiting = (sent - len(memory.records)) * len(body)
    # What waits is in the two socket buffers, the reader's buffer and the sender's own: a handful of MB.
    assert waiting < 4_000_000
    assert len(memory.records) >= 10, "but what was read is taken in"


async def test_every_record_is_passed_on_to_spans(memory, tmp_path):
    told, told_outbound = [], []
    hearing = Hearing(memory, told.extend, told_outbound.extend)
    await hearing.open(tmp_path / "observer.sock")
    plane = await DataPlane.connect(tmp_path)
    call = Outbound(record(2), "next", Joined("none", 0.0))
    await plane.say(batch(record(0), record(1), outbound=(call,)))
    await until(lambda: len(told) == 2)
    assert [one.id for one in told] == memory.records
    assert told_outbound == memory.outbound == [call]
    await plane.close()
    await hearing.close()


async def test_the_socket_is_for_this_user_and_replaces_what_a_crash_left(memory, hearing, tmp_path):
    path = tmp_path / "observer.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = Hearing(Memory())
    await other.open(path)
    plane = await DataPlane.connect(tmp_path)
    await plane.hear(Progress)
    await plane.close()
    await other.close()
