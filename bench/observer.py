"""What a record costs the observer: CPU time of each stage, while a worker's frames come in over the socket.

    python -m bench.observer [--rates 1000,10000,25000] [--seconds 6] [--answers numbers|one|text]

A process of its own sends real frames (64 records each, or what came in 50 ms: as `sidecar.proxy.telling`
does) at a steady rate to a real `Hearing` and `Observer` in this one. A record is a call of one row
with 30 features, scored by a baseline that was fitted here, and a JSON answer. A stage's time is that of the
methods it is made of, in CPU time of this process; `other` is the socket, the loop and all that is no
stage. The first second is not counted: windows open and caches fill. `not heard` is the share of
records that were over when the observer could not keep up. The last line leaves out socket and pauses: on a
machine that others use, its best is the figure to compare.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.rig.payloads import FEATURES, Payload, one_row, reference
from sidecar import link
from sidecar.baseline.fit import fit
from sidecar.console.serve import settle
from sidecar.exchange import Features, Record, SpanIds
from sidecar.observer import answers, hearing
from sidecar.observer.cohorts import Cohorts
from sidecar.observer.drift import Detector
from sidecar.observer.exchanges import Exchanges
from sidecar.observer.hearing import Hearing
from sidecar.observer.observer import Observer
from sidecar.observer.outputs import Outputs
from sidecar.observer.traffic import Traffic
from sidecar.observer.windows import Window
from sidecar.scoring.baseline import Baseline
from sidecar.settings import Settings

FRAME = 64
"""Records in a frame, as `sidecar.proxy.telling.BATCH_RECORDS`."""

POOL = 256
"""Different frames that are sent in turn."""

WARM_SECONDS = 1.0

THRESHOLD = 0.01

STAGES: tuple[tuple[str, Any, str], ...] = (
    ("decode", hearing, "batch"),
    ("exchanges", Exchanges, "update"),
    ("cohorts", Cohorts, "update"),
    ("drift", Detector, "update"),
    ("read answers", answers, "read_each"),
    ("outputs", Outputs, "update"),
    ("windows", Window, "update"),
    ("traffic", Traffic, "update"),
    ("take in", Observer, "take_in"),
)
"""Stage, where it lives, what it's called. A stage inside another is taken off the outer one."""


class Clock:
    """CPU time by stage, each without the stages inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._inner = [0.0]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took = time.thread_time() - began
                self.spent[stage] = self.spent.get(stage, 0.0) + took - self._inner.pop()
                self._inner[-1] += took

        return call


class Cost(NamedTuple):
    """One run: records a second sent, records heard, records sent, CPU seconds in all and by stage."""

    rate: int
    heard: int
    sent: int
    cpu: float
    stages: dict[str, float]


# -- records -----------------------------------------------------------------------------------------------


def frames(baseline: Baseline, kind: str) -> list[bytes]:
    """`POOL` frames of `FRAME` records each."""
    rng, call = np.random.default_rng(3), one_row()
    rows = rng.standard_normal((POOL * FRAME, FEATURES))
    records = [_record(i, row, baseline, kind, call) for i, row in enumerate(rows)]
    batches = [tuple(records[at : at + FRAME]) for at in range(0, len(records), FRAME)]
    return [link.frame(_batch(number, batch)) for number, batch in enumerate(batches)]


def _batch(number: int, records: tuple[Record, ...]) -> link.Batch:
    counters = link.Counters(calls=number * FRAME)
    return link.Batch(0, 1, counters, "up", False, "", "", records)


def _record(number: int, row: Any, baseline: Baseline, kind: str, call: Payload) -> Record:
    score = baseline.score(Features(row[None, :], row[None, :]), THRESHOLD)
    answer = {
        "numbers": call.reply,
        "one": b'{"predictions": [%.6f], "notes": "%s"}' % (float(row[0]), b"x" * 280),
        "text": b'{"predictions": ["%s"], "notes": "%s"}' % (b"cat" if row[0] > 0 else b"dog", b"x" * 280),
    }[kind]
    return Record(
        id=f"4f1c{number:012x}",
        span=SpanIds(f"{number:032x}", f"{number:016x}", f"{number + 1:016x}"),
        started_ns=1_763_910_000_000_000_000 + number * 40_000,
        forwarded_ns=90_000,
        first_byte_ns=int(2_000_000 * (1 + abs(row[1]))),
        ended_ns=int(2_000_000 * (1 + abs(row[1]))) + 50_000,
        scored_ns=60_000,
        method="POST",
        target=call.target,
        host="model.test:8000",
        client="10.1.2.3:40112",
        status=200,
        failure="",
        request_bytes=350,
        response_bytes=len(answer),
        request_headers=(
            (b"Host", b"model.test:8000"),
            (b"User-Agent", b"bench/1.0"),
            (b"Accept", b"*/*"),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"350"),
        ),
        response_headers=(
            (b"Server", b"nginx"),
            (b"Date", b"Mon, 23 Nov 2026 17:04:06 GMT"),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"%d" % len(answer)),
        ),
        codec="v1",
        model="bench",
        version="",
        rows=1,
        features=row.astype("<f8").tobytes(),
        verdict=score.verdict,
        reason=score.reason,
        p=score.p,
        row_p=score.row_p,
        flagged=score.flagged,
        detectors=score.detectors,
        action="allow",
        rule="default",
        request_body=b"",
        response_body=answer,
        baseline=baseline.digest,
    )


# -- a run -------------------------------------------------------------------------------------------------


def send(path: str, pool: list[bytes], rate: int, seconds: float) -> None:
    """Send frames at `rate` records a second; like the data plane, drop what does not fit."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate / FRAME)
            while sent < due:
                line.sendall(pool[sent % len(pool)])
                sent += 1
            time.sleep(max(0.0, (sent + 1) * FRAME / rate - (time.monotonic() - began)))


async def run(directory: Path, pool: list[bytes], rate: int, seconds: float) -> Cost:
    """One observer hears `rate` records a second for `seconds`."""
    clock = Clock()
    observer = Observer(Settings(upstream="http://127.0.0.1:1", baseline=str(directory)))
    with Staged(clock):
        heard = Hearing(observer)
        with tempfile.TemporaryDirectory() as run_dir:
            path = Path(run_dir) / "observer.sock"
            await heard.open(path)
            worker = multiprocessing.get_context("fork").Process(
                target=send, args=(str(path), pool, rate, seconds + WARM_SECONDS)
            )
            worker.start()
            await asyncio.sleep(WARM_SECONDS)
            clock.spent.clear()
            records, cpu = observer.records, time.process_time()
            await asyncio.sleep(seconds)
            cost = Cost(
                rate,
                observer.records - records,
                int(rate * seconds),
                time.process_time() - cpu,
                dict(clock.spent),
            )
            worker.terminate()
            worker.join()
            await heard.close()
            await asyncio.sleep(0.1)  # for the connection to end
    return cost


def replay(directory: Path, pool: list[bytes]) -> str:
    """Frames decoded and taken in one gather after the other, without a socket: what is left is the work."""
    observer = Observer(Settings(upstream="http://127.0.0.1:1", baseline=str(directory)))
    each = hearing.SLICE // FRAME
    took = []
    for start in range(0, 400 * each, each):
        began = time.process_time()
        records: list[Record] = []
        for number in range(start, start + each):
            records += link.batch(pool[number % len(pool)][4:]).records
        observer.take_in(tuple(records))
        del records
        took.append(1e6 * (time.process_time() - began) / hearing.SLICE)
    best, median = np.quantile(took[100:], [0.0, 0.5])
    return f"replayed without pause: {median:.1f} us per record (median), {best:.1f} (best of 300 gathers)"


class Staged:
    """While used as a context, every stage is timed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._was = [(place, name, getattr(place, name)) for _, place, name in STAGES]

    def __enter__(self) -> None:
        for (stage, place, name), (_, _, function) in zip(STAGES, self._was, strict=True):
            setattr(place, name, self._clock.timed(stage, function))

    def __exit__(self, *_: object) -> None:
        for place, name, function in self._was:
            setattr(place, name, function)


def lines(costs: list[Cost]) -> Iterator[str]:
    """The table: a column for each rate, microseconds for a record."""
    stages = [stage for stage, _, _ in STAGES]
    yield f"{'us per record at':18}" + "".join(f"{cost.rate:>9,}/s" for cost in costs)
    for stage in stages:
        yield f"{stage:18}" + "".join(
            f"{1e6 * c.stages.get(stage, 0) / max(1, c.heard):11.2f}" for c in costs
        )
    rest = [c.cpu - sum(c.stages.values()) for c in costs]
    yield f"{'other':18}" + "".join(
        f"{1e6 * r / max(1, c.heard):11.2f}" for r, c in zip(rest, costs, strict=True)
    )
    yield f"{'all':18}" + "".join(f"{1e6 * c.cpu / max(1, c.heard):11.2f}" for c in costs)
    yield f"{'CPU of one core':18}" + "".join(f"{100 * c.cpu * c.rate / c.sent:10.0f}%" for c in costs)
    yield f"{'not heard':18}" + "".join(f"{100 * max(0, c.sent - c.heard) / c.sent:10.1f}%" for c in costs)


def main() -> None:
    """Fit, send, print."""
    parser = argparse.ArgumentParser(description="What a record costs the observer.")
    parser.add_argument("--rates", default="1000,10000,25000", help="records a second")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--answers", choices=("numbers", "one", "text"), default="numbers")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.csv"
        data.write_text(reference())
        baseline = fit(data, Path(folder) / "baseline", ["ecod"]).baseline
        pool = frames(baseline, given.answers)
        once = partial(run, Path(folder) / "baseline", pool)
        settle()
        costs = [asyncio.run(once(int(rate), given.seconds)) for rate in given.rates.split(",")]
        replayed = replay(Path(folder) / "baseline", pool)
    print("\n".join((*lines(costs), replayed)))
    if given.json:
        given.json.write_text(json.dumps([cost._asdict() for cost in costs], indent=1))


if __name__ == "__main__":
    main()
