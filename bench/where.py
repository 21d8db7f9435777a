"""Where the processor time of a call goes: to programs or the kernel, to the proxy or to those around it.

    python -m bench.where [--peers NAMES] [--connections 16] [--rounds 3] [--seconds 4] [--libraries]

For each proxy in turn, microseconds of processor time for one call. Two cores are all there is, so what wrk,
the model and the kernel take is not there for the proxy; and what `bare-c` and `bare-uvloop` take, who hand
bytes on unread, every proxy takes. `--libraries` also samples each data plane with perf, and says in which
library it was. Counterpart: `bench/proxy`, which compares speeds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.rig import installs
from bench.rig.ground import Ground
from bench.rig.payloads import one_row
from bench.rig.peers import PEERS
from bench.rig.processes import Tree
from bench.rig.wrk import Wrk

DEFAULT = "envoy,nginx,bare-c,bare-uvloop,sidecar-pass-through,sidecar-everything"

SAMPLES_PER_SECOND = 4_000


class Spent(NamedTuple):
    """Microseconds of processor time for one call, and how many calls there were in a second."""

    program: float
    """The data plane's own code, with its libraries."""
    kernel: float
    """The kernel on the data plane's behalf."""
    others: float
    """The proxy's other processes."""
    backend: float
    wrk: float
    rate: float

    @property
    def all(self) -> float:
        return self.program + self.kernel + self.others + self.backend + self.wrk


def split(processes: Sequence[psutil.Process]) -> tuple[float, float]:
    """Seconds so far: of programs, of the kernel."""
    times = [process.cpu_times() for process in processes]
    return (
        sum(one.user + one.children_user for one in times),
        sum(one.system + one.children_system for one in times),
    )


def children() -> float:
    """Seconds of all children of ours that have ended: wrk, when nothing else ends meanwhile."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(tree: Tree, backend: Tree, wrk: Wrk, connections: int, seconds: int) -> Spent:
    """One run."""
    plane = tree.data_plane()
    others = [process for process in tree.processes() if process not in plane]
    parties = (plane, others, backend.processes())
    before, wrk_before = [split(party) for party in parties], children()
    load = wrk.run(tree.port, connections, seconds)
    wrk_took = children() - wrk_before
    tree.settle()
    took = [
        (user - user_before, system - system_before)
        for (user, system), (user_before, system_before) in zip(map(split, parties), before, strict=True)
    ]
    each = 1e6 / load.calls
    (program, kernel), other, model = took
    return Spent(
        program * each, kernel * each, sum(other) * each, sum(model) * each, wrk_took * each, load.rate
    )


def libraries(tree: Tree, wrk: Wrk, connections: int, seconds: int, data: Path) -> list[tuple[str, float]]:
    """Shares of the data plane's time by library, the largest first, as perf samples them."""
    perf = installs.program("perf")
    (plane,) = tree.data_plane()
    record = [
        perf,
        "record",
        "--event",
        "cpu-clock",
        "--freq",
        str(SAMPLES_PER_SECOND),
        "--output",
        str(data),
    ]
    sampling = subprocess.Popen(
        [*record, "--pid", str(plane.pid), "--", "sleep", str(seconds)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wrk.run(tree.port, connections, seconds)
    sampling.wait(timeout=seconds + 30)
    report = subprocess.run(
        [perf, "report", "--input", str(data), "--no-children", "--sort", "dso", "--stdio"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [line.split() for line in report.splitlines() if "%" in line and not line.startswith("#")]
    return [(" ".join(rest), float(share.rstrip("%"))) for share, *rest in lines]


def table(found: dict[str, list[Spent]]) -> str:
    """Medians of the rounds."""
    heads = ("program", "kernel", "others", "backend", "wrk", "all", "calls/s")
    lines = [f"{'us of processor time a call':<28}" + "".join(f"{head:>10}" for head in heads)]
    for name, rounds in found.items():
        middle = Spent(*map(statistics.median, zip(*rounds, strict=True)))
        cells = (*middle[:5], middle.all)
        lines.append(f"{name:<28}" + "".join(f"{cell:>10.1f}" for cell in cells) + f"{middle.rate:>10,.0f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.where")
    parser.add_argument("--peers", default=DEFAULT, help=f"of {','.join(PEERS)}")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--libraries", action="store_true", help="also sample each data plane with perf")
    args = parser.parse_args()
    chosen = [PEERS[name] for name in args.peers.split(",")]
    with Ground([one_row()], baseline=any(peer.scores for peer in chosen)) as ground:
        wrk = ground.wrk(ground.payloads[0])
        trees = {peer.name: ground.start_proven(peer) for peer in chosen}
        for tree in trees.values():
            wrk.run(tree.port, args.connections, 1)
            tree.settle()
        found: dict[str, list[Spent]] = defaultdict(list)
        for _ in range(args.rounds):
            for name, tree in trees.items():
                found[name].append(measure(tree, ground.backend, wrk, args.connections, args.seconds))
        print(table(found))
        for name, tree in trees.items() if args.libraries else ():
            shares = libraries(tree, wrk, args.connections, args.seconds, ground.directory / f"{name}.perf")
            most = ", ".join(f"{library} {share:.0f} %" for library, share in shares if share >= 1.0)
            print(f"{name}: {most}")


if __name__ == "__main__":
    main()
