"""`bench/soak`: load sidecar for ten minutes and watch the memory of each of its processes.

A leak of one byte a call is 10 MB after ten million calls, so the load runs as fast as it will unless
`--pause` slows it. Growth is the slope of a straight line through the samples after the first 200,000 calls.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import psutil

from bench.rig import backends, bulk, told
from bench.rig.ground import Ground
from bench.rig.installs import Missing
from bench.rig.payloads import one_row
from bench.rig.peers import PEERS, Peer
from bench.rig.processes import MB, Died, Tree, pss, rss
from bench.rig.proof import NotWorking
from bench.rig.side_by_side import STREAM_BYTES
from bench.rig.wrk import Load

WARM = 200_000
"""Calls after which memory should have found its level; the targets are set at this count."""

LIMITS = {"data plane": 80.0, "whole": 220.0}
"""MB at `WARM` calls."""

STREAM_LIMIT = 20.0
"""MB above the level before, for streams of `STREAM_BYTES`."""

WHOLE, ONCE = "whole", "shared pages once"


class Sample(msgspec.Struct, frozen=True):
    """Memory at one moment: `rss_mb` by process, `whole` for all of them, and that again with pages that
    several of them share counted once."""

    seconds: float
    calls: int
    rss_mb: dict[str, float]


class Soak(msgspec.Struct, frozen=True):
    """Everything measured, as it is written to the file of `--json`."""

    peer: str
    load: Load
    backend_calls: int
    told: told.Told | None
    """sidecar's own counts; None for others."""
    samples: list[Sample]
    stream: bulk.Stream


class Growth(msgspec.Struct, frozen=True):
    """A line through one process's samples: MB per hour, its standard error, MB per million calls."""

    per_hour: float
    error: float
    per_million: float


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench/soak", description="Memory under load, over time.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--pause", type=int, default=0, metavar="MS", help="of each connection before a call")
    parser.add_argument("--peer", choices=PEERS, default="sidecar-everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    args = parser.parse_args(argv)
    try:
        soak = measure(PEERS[args.peer], round(args.minutes * 60), args.connections, args.pause)
    except (Missing, Died, NotWorking, bulk.WrongCount) as error:
        print(f"bench/soak: {error}", file=sys.stderr)
        return 1
    if args.json:
        args.json.write_bytes(msgspec.json.format(msgspec.json.encode(soak)))
    return _print(soak, args.connections)


def measure(peer: Peer, seconds: int, connections: int, pause: int) -> Soak:
    """Load, sample every second, then send the streams through a fresh proxy."""
    payload = one_row()
    with Ground([payload], baseline=peer.scores) as ground:
        tree = ground.start_proven(peer)
        before = backends.calls(ground.backend.port)
        told_before = told.settled(tree.admin) if tree.admin else None
        wrk = ground.wrk(payload)
        samples: list[Sample] = []
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(wrk.run, tree.port, connections, seconds, pause)
            for now in _every_second():
                # Our own questions reach the backend as well.
                calls = backends.calls(ground.backend.port) - before - len(samples) - 1
                samples.append(Sample(now, calls, _memory(tree)))
                if running.done():
                    break
        load = running.result()
        tree.settle()
        backend_calls = backends.calls(ground.backend.port) - before - len(samples) - 1
        counts = told.settled(tree.admin).since(told_before) if tree.admin and told_before else None
        tree.stop()
        stream = bulk.measure(ground.start(peer, ground.start_bulk_backend().port), STREAM_BYTES)
    return Soak(peer.name, load, backend_calls, counts, samples, stream)


def growth(samples: list[Sample], process: str) -> Growth | None:
    """Least squares over the samples that come after `WARM` calls; None with fewer than ten of them."""
    kept = [sample for sample in samples if sample.calls >= WARM and process in sample.rss_mb]
    if len(kept) < 10:
        return None
    hours = np.array([sample.seconds / 3600 for sample in kept])
    memory = np.array([sample.rss_mb[process] for sample in kept])
    calls = np.array([sample.calls / 1e6 for sample in kept])
    centred = hours - hours.mean()
    slope = float(centred @ memory / (centred @ centred))
    residual = memory - memory.mean() - slope * centred
    error = float(np.sqrt(residual @ residual / (len(kept) - 2) / (centred @ centred)))
    per_million = slope * float(hours[-1] - hours[0]) / max(float(calls[-1] - calls[0]), 1e-9)
    return Growth(slope, error, per_million)


def _every_second() -> Iterator[float]:
    started = time.monotonic()
    for tick in range(1, 1_000_000):
        time.sleep(max(0.0, started + tick - time.monotonic()))
        yield time.monotonic() - started


def _memory(tree: Tree) -> dict[str, float]:
    processes = tree.processes()
    carriers = {process.pid for process in tree.data_plane()}
    memory = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            label = _label(process, tree, carriers)
            memory[label if label not in memory else f"{label} {process.pid}"] = rss([process]) / MB
    memory[WHOLE] = sum(memory.values())
    memory[ONCE] = pss(processes) / MB
    return memory


def _label(process: psutil.Process, tree: Tree, carriers: set[int]) -> str:
    if process.pid in carriers:
        return "data plane"
    words = process.cmdline()
    module = words.index("-m") + 1 if "-m" in words else 0
    # And the role, where a module has several.
    return "parent" if process == tree.root else " ".join(words[module : module + 2]).partition(" /")[0][:24]


def _print(soak: Soak, connections: int) -> int:
    load, samples = soak.load, soak.samples
    print(f"{soak.peer}: {load.calls:,} calls in {load.seconds:,.0f} s, {load.errors} errors")
    # wrk hangs up on the calls that are in flight when its time is over.
    lost = soak.backend_calls - load.calls
    exact = load.errors == 0 and 0 <= lost <= connections
    verdict = "every call is accounted for" if exact else "WRONG COUNT"
    print(f"the backend took {soak.backend_calls:,}: {verdict}")
    if (own := soak.told) is not None:
        print(f"sidecar ended {own.calls:,}, told {own.records:,}, dropped {own.dropped:,} records", end="")
        print(f", scored {own.scored:,} calls, exported {own.spans:,} spans")
    warm = next((sample for sample in samples if sample.calls >= WARM), samples[-1])
    heading = f"at {warm.calls:,} calls"
    print(f"\nRSS MB{'':<20}{'first':>8}{heading:>20}{'last':>8}{'highest':>9}  slope")
    for process in dict.fromkeys(process for sample in samples for process in sample.rss_mb):
        kept = [sample.rss_mb[process] for sample in samples if process in sample.rss_mb]
        at_warm = f"{warm.rss_mb.get(process, float('nan')):.1f}"
        print(
            f"  {process:<24}{kept[0]:>8.1f}{at_warm:>20}{kept[-1]:>8.1f}{max(kept):>9.1f}"
            f"  {_slope(growth(samples, process))}"
        )
    print("\ntargets")
    for process, limit in LIMITS.items():
        _verdict(f"{process} at {warm.calls:,} calls", warm.rss_mb.get(process), limit)
    _verdict(f"extra for {STREAM_BYTES / MB:.0f} MB down and up", soak.stream.extra_mb_whole, STREAM_LIMIT)
    return 0 if exact else 1


def _slope(line: Growth | None) -> str:
    if line is None:
        return "too few samples"
    return f"{line.per_hour:+.2f} ± {line.error:.2f} MB/h, {line.per_million:+.3f} MB per million calls"


def _verdict(what: str, value: float | None, limit: float) -> None:
    if value is not None:
        print(f"  {what:<34}{value:>8.1f} MB, at most {limit:g}: {'held' if value <= limit else 'NOT HELD'}")


if __name__ == "__main__":
    sys.exit(main())
