"""A million rows: what the metrics say against what DuckDB and pyarrow read."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pyarrow.dataset as ds

from bench.rig.payloads import FEATURES, one_row
from bench.rig.peers import fit
from bench.rig.processes import Ports
from sidecar.capture.query import ask
from sidecar.exchange import Captured, DetectorScore, Record, SpanIds
from sidecar.link import Batch, Counters, frame
from sidecar.proxy.keeping import Keeping
from sidecar.scoring import baseline as baselines
from sidecar.settings import Settings

RATE = 0.8
ODD = 0.01
FRAME = 64
AHEAD = 8 * 1024 * 1024


class Fed(msgspec.Struct):
    """What the observer was told of, counted here."""

    calls: int = 0
    captured: int = 0
    odd: int = 0


def rows(wanted: int) -> bool:
    """Print the table; whether everything agrees."""
    with tempfile.TemporaryDirectory(prefix="bench-capture-") as name:
        folder = Path(name)
        baseline = fit(folder)
        admin = f"127.0.0.1:{Ports().free()}"
        settings = Settings(
            upstream="http://127.0.0.1:1",
            admin=admin,
            baseline=str(baseline),
            run_dir=str(folder / "run"),
            capture=str(folder / "captures"),
            capture_rate=RATE,
            trace_ratio=0.0,
        )
        with running(settings) as process:
            began = time.monotonic()
            fed = feed(settings, baseline, round(wanted / RATE), process)
            told = settled(admin)
            seconds = time.monotonic() - began
            writer = next(one for one in process.children() if "sidecar.capture" in one.cmdline())
            memory = writer.memory_info().rss / 1e6
        gone = psutil.wait_procs([writer], timeout=60)[1]
        return _compare(folder / "captures", fed, told, seconds, memory) and not gone


def feed(settings: Settings, baseline: Path, calls: int, observer: psutil.Process) -> Fed:
    """Tell the observer of so many calls, in frames as a data plane sends them, no faster than the writer can
    take: what becomes of more is for `bench.capture.faults`. Nobody else is there, so both go at full speed.
    """
    keeping, fed, rng = Keeping(settings), Fed(), np.random.default_rng(1)
    digest = baselines.load(baseline).digest
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(Path(settings.run_dir) / "observer.sock"))
        while fed.calls < calls:
            records = tuple(_record(fed.calls + i, keeping, digest, rng) for i in range(FRAME))
            fed.calls += len(records)
            fed.captured += sum(1 for one in records if one.weight)
            fed.odd += sum(1 for one in records if one.verdict == "outlier")
            counters = Counters(calls=fed.calls)
            line.sendall(frame(Batch(0, 1, counters, "up", False, str(baseline), "", records)))
            if fed.calls % (FRAME * 100) == 0:
                for one in (observer, *observer.children()):
                    one.nice(0)
                while metrics(settings.admin)["sidecar_capture_waiting_bytes"] > AHEAD:
                    time.sleep(0.05)
        line.shutdown(socket.SHUT_WR)
        while line.recv(65_536):  # orders; left unread, they would cut the connection off
            pass
    return fed


def _record(number: int, keeping: Keeping, digest: str, rng: np.random.Generator) -> Record:
    call, values = _CALL, rng.standard_normal(FEATURES)
    trace = f"{int(rng.integers(2**63)):016x}{number:016x}"
    verdict = "outlier" if rng.random() < ODD else "normal"
    weight = keeping.weight(trace, verdict, 200, "", "allow")
    fields = ((b"Content-Type", b"application/json"),)
    captured = Captured(fields, fields, call.bodies[number % len(call.bodies)], call.reply, False, False)
    return Record(
        id=f"{number:032x}",
        span=SpanIds(trace, f"{number:016x}", f"{number + 1:016x}"),
        started_ns=time.time_ns(),
        forwarded_ns=90_000,
        first_byte_ns=2_000_000,
        ended_ns=2_050_000,
        scored_ns=60_000,
        method="POST",
        target=call.target,
        host="model.test:8000",
        client="10.1.2.3:40112",
        status=200,
        failure="",
        request_bytes=340,
        response_bytes=len(call.reply),
        request_headers=fields,
        response_headers=fields,
        codec="v1",
        model="model",
        version="",
        rows=1,
        features=values.astype("<f8").tobytes(),
        verdict=verdict,  # type: ignore[arg-type]
        reason="",
        p=0.3,
        row_p=(0.3,),
        flagged=(),
        detectors=(DetectorScore("ecod", 12.5, 0.3, ("f1", "f2")),),
        action="allow",
        rule="default",
        request_body=b"",
        response_body=call.reply,
        baseline=digest,
        weight=weight,
        captured=captured if weight else None,
    )


_CALL = one_row()


@contextmanager
def running(settings: Settings) -> Iterator[psutil.Process]:
    """A real observer's process that listens; it ends, and its writer with it."""
    run_dir = Path(settings.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    told = {"settings": msgspec.to_builtins(settings), "parent": os.getpid(), "run_dir": str(run_dir)}
    with subprocess.Popen(
        [sys.executable, "-m", "sidecar.app", "observer"], stdin=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
        try:
            while not (run_dir / "observer.sock").exists():
                time.sleep(0.05)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def metrics(admin: str) -> dict[str, float]:
    """What is said of captures, summed over labels, by name."""
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    pattern = r"^(sidecar_(?:capture|calls|observer_records)\w*)(?:{.*})? (\S+)$"
    for name, value in re.findall(pattern, text, re.MULTILINE):
        found[name] = found.get(name, 0.0) + float(value)
    return found


def settled(admin: str) -> dict[str, float]:
    """The metrics once nothing waits any more."""
    deadline, last = time.monotonic() + 300, metrics(admin)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = metrics(admin)
        if now == last and now["sidecar_capture_waiting_bytes"] == 0:
            break
        last = now
    return last


def _compare(place: Path, fed: Fed, told: dict[str, float], seconds: float, memory: float) -> bool:
    seen = int(told["sidecar_capture_records_total"])
    kept, dropped = int(told["sidecar_capture_kept_total"]), int(told.get("sidecar_capture_dropped_total", 0))
    began = time.monotonic()
    ((count, ids, weight, odd, amount),) = ask(
        str(place),
        "select count(*), count(distinct id), sum(weight), count(*) filter (verdict = 'outlier'), "
        "sum(cardinality(features)) from calls",
    ).rows
    asked = time.monotonic() - began
    dataset = ds.dataset(place, partitioning="hive")
    arrow = dataset.count_rows()
    arrow_weight = sum(batch["weight"].to_numpy().sum() for batch in dataset.to_batches(columns=["weight"]))
    files = [path.stat().st_size for path in place.glob("date=*/*.parquet")]
    facts = (
        ("calls told to the observer", fed.calls, int(told["sidecar_observer_records_total"])),
        ("captured by the data plane = given to the sink", fed.captured, seen),
        ("given to the sink = kept + dropped", seen, kept + dropped),
        ("kept = rows that DuckDB reads", kept, count),
        ("... = rows that pyarrow reads", kept, arrow),
        ("... = different ids", kept, ids),
        ("odd calls, all kept", fed.odd if not dropped else odd, odd),
        ("features of every row", count * FEATURES, amount),
        ("weights by DuckDB and by pyarrow", round(weight), round(arrow_weight)),
    )
    print(f"\n## {kept:,} rows of {fed.calls:,} calls at a rate of {RATE:g}, {dropped:,} dropped\n")
    print("| | one side | the other |\n| --- | --- | --- |")
    for what, left, right in facts:
        print(f"| {what} | {left:,} | {right:,}{'' if left == right else ' **differs**'} |")
    error = weight / fed.calls - 1
    print(f"| sum of weights for all calls | {fed.calls:,} | {weight:,.0f} ({error:+.3%}) |")
    size = sum(files)
    print(
        f"\n{seconds:.0f} s from the first call to the last row on disk; the query took {asked:.1f} s; ",
        end="",
    )
    print(f"{len(files)} files, {size / 1e6:.0f} MB, {size / max(1, count):.0f} bytes a row; ", end="")
    print(f"writer {memory:.0f} MB")
    return all(left == right for _, left, right in facts) and (dropped > 0 or abs(error) < 0.01)
