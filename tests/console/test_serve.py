"""The whole process: its socket, its admin address, its snapshots; killed, asked to stop, started again."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import urllib.request
import weakref
from pathlib import Path

import psutil
import pytest

from sidecar.console.serve import SNAPSHOT, give_back, running
from sidecar.errors import UsageError
from sidecar.link import Drift, Progress, Swap
from sidecar.settings import Settings
from tests.observer.real import draw
from tests.observer.talk import DataPlane, batch, learning, of_rows
from tests.tracing import receiver

PROGRAM = """
import asyncio, msgspec, sys
from pathlib import Path
from sidecar.console.serve import serve
from sidecar.logs import configure
from sidecar.settings import Settings
configure("info", "observer")
asyncio.run(serve(msgspec.json.decode(sys.argv[1], type=Settings), Path(sys.argv[2])))
"""


def settings(**changes):
    return Settings(upstream="http://127.0.0.1:8080", admin="127.0.0.1:0", snapshot_seconds=0.2, **changes)


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


@contextlib.asynccontextmanager
async def process(run_dir, **changes):
    """`serve` in a process of its own, and the URL of its admin address."""
    import msgspec

    arguments = (msgspec.json.encode(settings(**changes)).decode(), str(run_dir))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            while b"admin at http" not in (line := await child.stderr.readline()):
                assert line, "it ended before it listened"
        yield child, line.decode().partition("admin at ")[2].strip('"}\n ')
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def until(condition, seconds=10.0):
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


async def calls(run_dir, baseline, rows):
    """A data plane that tells of these rows, one a call, and stays."""
    plane = await DataPlane.connect(run_dir)
    records = [of_rows(i, row[None], baseline.digest) for i, row in enumerate(rows)]
    for start in range(0, len(records), 100):
        await plane.say(batch(*records[start : start + 100], baseline=baseline.directory))
    return plane


async def test_after_a_kill_the_windows_go_on_from_the_snapshot(tmp_path, baseline):
    async with process(tmp_path, baseline=baseline.directory) as (child, url):
        plane = await calls(tmp_path, baseline, draw(300, seed=1))
        await until(lambda: get(f"{url}/api/v1/status")["records"] == 300)
        await asyncio.sleep(0.5)
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()
        await plane.close()
    async with process(tmp_path, baseline=baseline.directory) as (child, url):
        status = get(f"{url}/api/v1/status")
        assert (status["records"], status["observer_restarts"]) == (300, 1)
        (flow,) = get(f"{url}/api/v1/windows")["windows"]
        assert flow["inputs"]["rows"] == 300
        plane = await calls(tmp_path, baseline, draw(100, seed=2))
        await until(lambda: get(f"{url}/api/v1/windows")["windows"][0]["inputs"]["rows"] == 400)
        assert get(f"{url}/readyz")["ready"] is True
        await plane.close()


async def test_asked_to_stop_it_keeps_what_it_heard_and_ends_well(tmp_path, baseline):
    async with process(tmp_path, baseline=baseline.directory, log_level="info") as (child, url):
        plane = await calls(tmp_path, baseline, draw(50, seed=1))
        await until(lambda: get(f"{url}/api/v1/status")["records"] == 50)
        child.send_signal(signal.SIGINT)  # Ctrl-C reaches the whole group; the supervisor's word counts
        await asyncio.sleep(0.3)
        assert child.returncode is None
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 5) == 0
        await plane.close()
    async with running(settings(baseline=baseline.directory), tmp_path) as (observer, _):
        assert observer.records == 50


async def test_it_is_small_and_gives_way_to_the_model(tmp_path, baseline):
    async with process(tmp_path, baseline=baseline.directory) as (child, url):
        plane = await calls(tmp_path, baseline, draw(3000, seed=1))
        await until(lambda: get(f"{url}/api/v1/status")["records"] == 3000)
        found = psutil.Process(child.pid)
        assert found.nice() >= 10
        assert found.memory_info().rss < 110_000_000
        modules = await asyncio.to_thread(Path(f"/proc/{child.pid}/maps").read_text)
        assert not [name for name in ("scipy", "sklearn", "pandas", "pyarrow") if f"/{name}/" in modules]
        await plane.close()


def test_what_nobody_uses_is_given_back():
    class Ring:
        def __init__(self):
            self.itself = self

    gone = weakref.ref(Ring())
    pieces = [b"x" * (100_000 + i) for i in range(400)]
    kept = pieces[::40]  # so that the heap's end is in use
    del pieces
    before = psutil.Process().memory_info().rss
    give_back()
    assert gone() is None
    assert psutil.Process().memory_info().rss < before - 20_000_000
    assert len(kept) == 10


async def test_learning_from_the_first_call_to_the_swap(tmp_path, baseline):
    async with running(settings(learn_rows=120, detectors="ecod"), tmp_path) as (observer, _):
        plane = await DataPlane.connect(tmp_path)
        assert await plane.hear(Progress) == Progress(0, 120)
        rows = draw(140, seed=4)
        await plane.say(batch(*(learning(i, row) for i, row in enumerate(rows[:60]))))
        assert await plane.hear(Progress) == Progress(60, 120)
        await plane.say(batch(*(learning(60 + i, row) for i, row in enumerate(rows[60:]))))
        swap = await plane.hear(Swap, 60)
        await plane.say(batch(baseline=swap.baseline))
        assert await plane.hear(Drift) == Drift("stable")
        late = await DataPlane.connect(tmp_path)
        assert await late.hear(Swap) == swap
        await plane.say(batch(of_rows(200, rows[:5], observer.traffic.digest), baseline=swap.baseline))
        (flow,) = observer.traffic.flows.values()
        async with asyncio.timeout(5):
            while flow.inputs is None:
                await asyncio.sleep(0.02)
        await plane.close()
        await late.close()


async def test_a_snapshot_that_cannot_be_read_or_written_stops_nothing(tmp_path, caplog):
    (tmp_path / SNAPSHOT).write_bytes(b"not a snapshot")
    async with running(settings(), tmp_path) as (observer, _):
        assert observer.starts == 1
    assert "windows begin empty" in caplog.text
    (tmp_path / SNAPSHOT).unlink()
    (tmp_path / SNAPSHOT).mkdir()
    async with running(settings(), tmp_path):
        assert "could not be written" in caplog.text


async def test_an_admin_address_that_is_taken_is_named(tmp_path):
    async with running(settings(), tmp_path) as (_, urls):
        (tmp_path / "other").mkdir()
        taken = settings().__class__(upstream="http://127.0.0.1:1", admin=urls[0].removeprefix("http://"))
        with pytest.raises(UsageError, match=r"admin 127\.0\.0\.1:\d+: .*in use; give another address"):
            async with running(taken, tmp_path / "other"):
                pass


async def test_spans_of_what_was_heard_reach_a_collector(tmp_path, baseline, monkeypatch):
    with receiver.http() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        async with running(settings(baseline=baseline.directory), tmp_path) as (observer, _):
            plane = await DataPlane.connect(tmp_path)
            outlier = of_rows(1, draw(1, seed=1), baseline.digest, verdict="outlier", flagged=(0,), p=0.001)
            await plane.say(batch(outlier, baseline=baseline.directory))
            async with asyncio.timeout(5):
                while observer.records == 0:
                    await asyncio.sleep(0.02)
            await plane.close()
        spans = collector.wait(2)
    assert {span.kind for span in spans} == {"SERVER", "CLIENT"}
    assert {span.trace for span in spans} == {outlier.span.trace}
