"""One worker from start to end: it drains, and it swaps baselines between two calls."""

import asyncio
import json
import os
import signal
import time

import pytest

from sidecar.link import Swap
from tests.proxy.dialogue import GET, OK, Peer, Stage, http, sidecar
from tests.scoring.made import CARDIO, cardio
from tests.scoring.sets import adbench

BODY = json.dumps({"instances": adbench(CARDIO).clean[-1:].tolist()}).encode()
INFER = http("POST /v1/models/m:predict HTTP/1.1", "Host: m", f"Content-Length: {len(BODY)}", body=BODY)


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.worker.ACCEPT_AFTER_TERM", 0.1)


async def stopping(stage: Stage) -> asyncio.Future[None]:
    """Begin to drain."""
    stop = asyncio.ensure_future(stage.worker.stop())
    await stage.until(lambda: stage.plane.draining, "the drain to begin")
    return stop


# -- draining --------------------------------------------------------------------------------------


async def test_a_call_in_flight_is_finished():
    async with sidecar(drain_timeout=5.0) as stage:
        caller, model = await stage.begin(GET)
        stop = await stopping(stage)
        await asyncio.sleep(0.2)
        assert not stop.done()
        await model.send(OK)
        response = await caller.response()
        assert (response.status, response.body) == (200, b"ok")
        assert response.field("connection") == "close"
        await caller.gone()
        await asyncio.wait_for(stop, 1)


async def test_a_long_answer_is_taken_to_its_end():
    """When the model is done the call is over here, but not for the caller."""
    body = b"x" * 5_000_000
    async with sidecar(drain_timeout=5.0) as stage:
        caller, model = await stage.begin(GET)
        sending = asyncio.ensure_future(
            model.send(http("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", body=body))
        )
        await caller.head()
        stop = await stopping(stage)
        await asyncio.sleep(0.2)
        assert await caller.exactly(len(body)) == body
        await sending
        await asyncio.wait_for(stop, 1)


async def test_an_upload_in_flight_is_finished():
    async with sidecar(drain_timeout=5.0) as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Content-Length: 6", body=b"abc"))
        model = await stage.model()
        await model.head()
        stop = await stopping(stage)
        await asyncio.sleep(0.2)
        await caller.send(b"def")
        assert await model.exactly(6) == b"abcdef"
        await model.send(OK)
        assert (await caller.response()).status == 200
        await asyncio.wait_for(stop, 1)


async def test_readiness_fails_before_connections_are_refused():
    async with sidecar(drain_timeout=5.0) as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the observer")
        kept, model = await stage.begin(GET)
        await model.send(OK)
        await kept.response()
        stop = await stopping(stage)
        await stage.until(lambda: stage.observer.batches[-1].draining, "the observer to be told")
        late = await stage.caller()  # a balancer that has not heard of it yet
        await late.send(GET)
        await model.request()
        await model.send(OK)
        assert (await late.response()).field("connection") == "close"
        await kept.send(GET)
        await model.request()
        await model.send(OK)
        assert (await kept.response()).field("connection") == "close"
        await asyncio.wait_for(stop, 2)
        with pytest.raises(ConnectionError):
            await stage.caller()


async def test_idle_connections_do_not_hold_up_the_end():
    async with sidecar(drain_timeout=5.0) as stage:
        idle = [await stage.caller() for _ in range(5)]
        half = await stage.caller()
        await half.send(b"GET / HTTP/1.1\r\nHos")
        stop = await stopping(stage)
        for caller in [*idle, half]:
            await caller.gone()
        await asyncio.wait_for(stop, 1)


async def test_a_call_that_does_not_end_is_cut_off():
    async with sidecar(drain_timeout=0.3) as stage:
        caller, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        await caller.until(b"abc\r\n")
        began = time.monotonic()
        await stage.worker.stop()
        assert 0.2 < time.monotonic() - began < 1.0
        assert await caller.rest() == b""
        assert caller.was_reset
        await model.rest()


async def test_a_caller_that_does_not_read_does_not_hold_up_the_end_for_longer():
    async with sidecar(drain_timeout=0.3) as stage:
        _, model = await stage.begin(GET)
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 104857600"))
        await model.flood(100)
        began = time.monotonic()
        await stage.worker.stop()
        assert time.monotonic() - began < 1.0


async def test_sigterm_ends_a_worker(tmp_path):
    """`serve` as a process runs it, from the socket to the signal."""
    async with sidecar(drain_timeout=5.0) as stage:
        caller, model = await stage.begin(GET)
        signalled = asyncio.ensure_future(stage.worker.ended())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        await stage.until(lambda: stage.plane.draining, "the drain to begin")
        await model.send(OK)
        assert (await caller.response()).status == 200
        await asyncio.wait_for(signalled, 2)


# -- baselines -------------------------------------------------------------------------------------


async def verdict(stage: Stage, caller: Peer, model: Peer) -> str | None:
    await caller.send(INFER)
    await model.request()
    await model.send(OK)
    return (await caller.response()).field("x-anomaly-verdict")


async def test_a_baseline_is_swapped_in_between_two_calls():
    async with sidecar() as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the observer")
        caller, model = await stage.begin(GET)
        await model.send(OK)
        await caller.response()
        assert await verdict(stage, caller, model) == "learning; seen=0; need=500"
        stage.observer.order(Swap(baseline=str(cardio("ecod"))))
        verdicts = [await verdict(stage, caller, model) for _ in range(3)]
        await stage.until(lambda: stage.plane.judge.baseline is not None, "the swap")
        verdicts.append(await verdict(stage, caller, model))
        assert verdicts[-1] == "normal"
        assert set(verdicts) <= {"learning; seen=0; need=500", "normal"}
        await stage.until(
            lambda: stage.observer.batches[-1].baseline == str(cardio("ecod")), "the observer to be told"
        )


async def test_a_baseline_that_must_not_be_used_leaves_the_old_one(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    async with sidecar(baseline_directory=str(cardio("ecod")), errors=1) as stage:
        await stage.until(lambda: bool(stage.observer.batches), "the observer")
        caller, model = await stage.begin(GET)
        await model.send(OK)
        await caller.response()
        stage.observer.order(Swap(baseline=str(tmp_path)))
        await stage.until(lambda: bool(stage.plane.teller.refused), "the refusal")
        assert await verdict(stage, caller, model) == "normal"
        await stage.until(
            lambda: "manifest.json" in stage.observer.batches[-1].refused, "the reason to be told"
        )


async def test_a_threshold_that_can_flag_nothing_is_told(caplog):
    directory = str(cardio("ecod"))
    async with sidecar(baseline_directory=directory, threshold=0.0001):
        assert (
            "no row will ever be flagged: the threshold, 0.0001, is below the finest p-value" in caplog.text
        )
