"""Telling the observer: everything while it listens; lost and counted while it does not. No call waits."""

import asyncio
import socket
import time

import pytest

from sidecar.link import MAX_FRAME, Drift, Progress, Swap, frame
from tests.proxy.dialogue import GET, OK, POST, Peer, Stage, http, sidecar

SMALL = 30_000
"""Bytes: a queue that holds some dozens of small records."""


async def deaf(stage: Stage) -> Peer:
    """An observer that accepts and does not read."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(stage.observer.path)
        listening.listen()
        listening.setblocking(False)
        sock, _ = await asyncio.get_running_loop().sock_accept(listening)
    return Peer(sock)


def lost(stage: Stage) -> int:
    return stage.plane.counters().records_dropped


# -- while it listens ------------------------------------------------------------------------------


async def test_every_call_is_told_in_order():
    async with sidecar() as stage:
        caller = await stage.caller()
        for number in range(5):
            await caller.send(http(f"GET /{number} HTTP/1.1", "Host: m"))
        model = await stage.model()
        for _ in range(5):
            await model.request()
            await model.send(OK)
        records = await stage.records(5)
        assert [record.target for record in records] == [f"/{number}" for number in range(5)]
        assert all(record.started_ns > 1e18 for record in records)
        assert all(0 < record.forwarded_ns < record.first_byte_ns < record.ended_ns for record in records)


async def test_a_record_says_what_happened():
    async with sidecar() as stage:
        request = http("POST /p?q HTTP/1.1", "Host: me", "User-Agent: u", "Content-Length: 2", body=b"hi")
        await stage.call(request, OK)
        (record,) = await stage.records()
        assert (record.method, record.target, record.host, record.client) == (
            "POST",
            "/p?q",
            "me",
            "127.0.0.1",
        )
        assert (record.status, record.failure) == (200, "")
        assert (record.request_bytes, record.response_bytes) == (2, 2)
        assert record.request_headers == ((b"User-Agent", b"u"),)
        assert (record.verdict, record.reason, record.codec) == ("unscored", "unknown-format", "")
        assert (record.action, record.rule) == ("allow", "default")


async def test_the_version_that_an_answer_says_in_a_header_is_told():
    async with sidecar() as stage:
        await stage.call(GET, http("HTTP/1.1 200 OK", "X-MODEL-version: 7", "Server: s", "Content-Length: 0"))
        await stage.call(GET, http("HTTP/1.1 200 OK", "Content-Length: 0"))
        one, other = await stage.records(2)
    assert (one.response_headers, other.response_headers) == (((b"x-model-version", b"7"),), ())
    async with sidecar(model_version_header="") as stage:
        await stage.call(GET, http("HTTP/1.1 200 OK", "X-Model-Version: 7", "Content-Length: 0"))
        (record,) = await stage.records()
    assert record.response_headers == ()


async def test_records_come_by_themselves_and_soon():
    async with sidecar() as stage:
        await stage.call(GET, OK)
        await stage.until(lambda: len(stage.observer.records) == 1, "the record")


async def test_totals_come_with_every_batch():
    async with sidecar() as stage:
        await stage.call(GET, OK)
        caller, model = await stage.begin(GET)
        model.close()
        await caller.problem("upstream-closed")
        await stage.records(2)
        last = stage.observer.batches[-1]
        assert (last.counters.calls, last.counters.failed) == (2, {"upstream-closed": 1})
        assert (last.upstream, last.draining) == ("up", False)


async def test_a_sign_of_life_without_any_call(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.telling.ALIVE_SECONDS", 0.02)
    async with sidecar() as stage:
        await stage.until(lambda: len(stage.observer.batches) > 3, "signs of life")
        assert stage.observer.records == []


# -- while it does not -----------------------------------------------------------------------------


async def test_an_observer_that_comes_late_is_told_what_it_missed():
    async with sidecar(observed=False) as stage:
        await stage.calls(100)
        await stage.observer.listen()
        await stage.records(100)
        assert lost(stage) == 0


async def test_an_observer_that_never_comes_costs_a_bounded_queue():
    async with sidecar(observed=False, queue_bytes=SMALL) as stage:
        await stage.calls(300)
        stage.plane.teller.flush()
        counters = stage.plane.counters()
        assert 0 < counters.queue_bytes <= SMALL
        assert 0 < counters.records_dropped < 300
        assert counters.records_dropped_bytes > 0


async def test_what_was_lost_is_known_when_it_comes_back():
    async with sidecar(observed=False, queue_bytes=SMALL) as stage:
        model = await stage.calls(300)
        stage.plane.teller.flush()
        missed = lost(stage)
        await stage.observer.listen()
        await stage.records(300 - missed)
        await stage.calls(10, model)
        await stage.records(310 - missed)
        assert len(stage.observer.records) == 310 - missed
        assert stage.observer.batches[-1].counters.records_dropped == missed


async def test_an_observer_that_does_not_read_stops_nobody(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.telling.ALIVE_SECONDS", 0.05)
    async with sidecar(observed=False, queue_bytes=SMALL) as stage:
        ear = await deaf(stage)
        body = b"[" + b"1," * 10_000 + b"1]"  # told while learning
        large = http(
            "POST /v1/models/m:predict HTTP/1.1", "Host: m", f"Content-Length: {len(body)}", body=body
        )
        model = await stage.calls(100, request=large)
        assert 0 < lost(stage) < 100
        assert stage.plane.counters().queue_bytes <= SMALL
        ear.close()
        await stage.until(lambda: stage.plane.teller._transport is None, "the connection to break")
        assert lost(stage) > 0
        await stage.observer.listen()
        await stage.calls(1, model)
        await stage.until(lambda: bool(stage.observer.records), "records after it came back")
        assert len(stage.observer.records) + lost(stage) <= 101


async def test_an_observer_that_does_not_read_holds_up_no_exit():
    async with sidecar(observed=False) as stage:
        ear = await deaf(stage)
        body = b"[" + b"1," * 10_000 + b"1]"
        large = http(
            "POST /v1/models/m:predict HTTP/1.1", "Host: m", f"Content-Length: {len(body)}", body=body
        )
        await stage.calls(50, request=large)
        began = time.monotonic()
        await stage.worker.stop()
        assert time.monotonic() - began < 2.0
        ear.close()


async def test_the_last_records_are_told():
    async with sidecar() as stage:
        await stage.calls(100)
        await stage.worker.stop()
        await stage.until(lambda: len(stage.observer.records) == 100, "the last records")
        assert stage.observer.batches[-1].draining


async def test_an_observer_that_dies_is_told_again_when_it_is_back(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.telling.ALIVE_SECONDS", 0.05)
    async with sidecar() as stage:
        model = await stage.calls(10)
        await stage.records(10)
        await stage.observer.close()
        await stage.calls(10, model)
        await stage.observer.listen()
        await stage.calls(10, model)
        await stage.records(30 - lost(stage))
        assert lost(stage) == 0


# -- orders ----------------------------------------------------------------------------------------


async def test_orders_are_obeyed():
    async with sidecar() as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the connection")
        stage.observer.order(frame(Progress(seen=3, need=9)) + frame(Drift(state="stable")))
        await stage.until(lambda: stage.plane.drift == "stable", "the orders to arrive")
        assert (stage.plane.judge.seen, stage.plane.judge.need) == (3, 9)
        _, response = await stage.call(GET, OK)
        assert response.field("x-drift-state") == "stable"


NO_ORDERS = {
    "no message at all": b"\x00\x00\x00\x02\xc1\xc1",
    "an unknown order": b"\x00\x00\x00\x06\x92\xa3eat\x01",
    "an order of another shape": frame(Progress(seen=3, need=9)).replace(b"\x03", b"\xc0"),
    "longer than any order": (MAX_FRAME + 1).to_bytes(4, "big"),
}


@pytest.mark.parametrize("said", NO_ORDERS.values(), ids=NO_ORDERS)
async def test_what_is_no_order_ends_the_connection_and_nothing_else(said, monkeypatch):
    monkeypatch.setattr("sidecar.proxy.telling.ALIVE_SECONDS", 0.05)
    async with sidecar(errors=1) as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the connection")
        before = len(stage.observer.batches)
        stage.observer.order(said)
        await stage.until(lambda: len(stage.observer.batches) > before, "the next connection")
        await stage.call(GET, OK)
        await stage.records()


async def test_a_drift_that_would_split_the_answer_is_not_believed():
    async with sidecar() as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the connection")
        stage.observer.order(frame(Drift(state="x\r\nevil: 1")) + frame(Progress(seen=1, need=9)))
        await stage.until(lambda: stage.plane.judge.seen == 1, "the orders to arrive")
        _, response = await stage.call(GET, OK)
        assert b"evil" not in response.head


async def test_a_baseline_that_is_none_is_refused_and_the_observer_is_told_why(tmp_path):
    async with sidecar(errors=1) as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the connection")
        stage.observer.order(Swap(baseline=str(tmp_path / "none")))
        await stage.until(lambda: bool(stage.plane.teller.refused), "the refusal")
        await stage.call(POST, OK)
        await stage.records()
        assert "none" in stage.observer.batches[-1].refused
        assert stage.observer.batches[-1].baseline == ""


# -- bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "kept"), [(1000, True), (1001, False)])
async def test_bodies_are_told_up_to_a_limit(size, kept):
    body = b"[" + b"1," * 400 + b"1]"
    body = body.ljust(size)
    path = "POST /v1/models/m:predict HTTP/1.1"
    async with sidecar(kept_body_bytes=1000) as stage:
        request = http(path, "Host: m", f"Content-Length: {size}", body=body)
        await stage.call(request, http("HTTP/1.1 200 OK", f"Content-Length: {size}", body=body))
        (record,) = await stage.records()
        assert (record.request_body == body, record.response_body == body) == (kept, kept)
        assert kept or (record.request_body, record.response_body) == (b"", b"")


async def test_bodies_of_unknown_formats_are_not_told():
    async with sidecar() as stage:
        await stage.call(POST, OK)
        (record,) = await stage.records()
        assert (record.request_body, record.response_body) == (b"", b"")


async def test_what_cannot_be_told_is_counted_and_hurts_no_call(monkeypatch):
    def fault(call) -> None:
        raise ZeroDivisionError("a fault in making records")

    async with sidecar(errors=1) as stage:
        with monkeypatch.context() as patched:
            patched.setattr("sidecar.proxy.telling.record_of", fault)
            await stage.call(GET, OK)
            stage.plane.teller.flush()
        assert lost(stage) == 1
        await stage.call(GET, OK)
        await stage.records()
