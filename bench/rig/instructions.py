"""`bench/instructions`: how many CPU instructions the data plane spends on one call.

Time on a shared machine is noise; instructions are not. With a working `perf stat` they are counted on the
running process. Elsewhere the proxy runs under callgrind twice, with few and with many calls, and the
difference is divided: start and end cancel out. Both count user space only; the kernel's part is not in it.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import msgspec
import psutil

from bench.rig import installs, peers
from bench.rig.caller import Caller
from bench.rig.ground import Ground
from bench.rig.installs import Missing
from bench.rig.payloads import Payload, one_row
from bench.rig.peers import PEERS, Launch, Peer, Site
from bench.rig.processes import Died, Tree
from bench.rig.proof import NotWorking, prove

WARM = 128
"""Calls of the short run: every body twice, enough for an interpreter to specialise its code."""

DEFAULT_PEERS = (
    "nginx",
    "haproxy",
    "aiohttp",
    "sidecar-pass-through",
    "sidecar-scoring",
    "sidecar-everything",
)


class Count(msgspec.Struct, frozen=True):
    """Instructions of one proxy for one call, and how they were counted."""

    peer: str
    per_call: float
    calls: int
    method: str


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench/instructions", description="CPU instructions for one call.")
    parser.add_argument("--calls", type=int, default=512, help="calls that are counted (default 512)")
    parser.add_argument("--peers", default=",".join(DEFAULT_PEERS), help=f"of {','.join(PEERS)}")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    counts = []
    try:
        chosen = [PEERS[name] for name in args.peers.split(",")]
        with Ground([one_row()], baseline=any(peer.scores for peer in chosen)) as ground:
            for peer in chosen:
                counts.append(count(peer, ground, args.calls))
                print(
                    f"{peer.name:<22}{counts[-1].per_call:>12,.0f} instructions per call, {counts[-1].method}"
                )
    except KeyError as error:
        parser.error(f"unknown peer {error}; known: {', '.join(PEERS)}")
    except (Missing, Died, NotWorking) as error:
        print(f"bench/instructions: {error}", file=sys.stderr)
        return 1
    if args.json:
        args.json.write_bytes(msgspec.json.format(msgspec.json.encode(counts)))
    return 0


def count(peer: Peer, ground: Ground, calls: int) -> Count:
    """Instructions of the peer's data plane for one call, by the better method that works here."""
    if perf_works():
        return Count(peer.name, _by_perf(peer, ground, calls) / calls, calls, "perf stat")
    few, many = (_by_callgrind(peer, ground, number) for number in (WARM, WARM + calls))
    return Count(peer.name, (many - few) / calls, calls, "callgrind")


def perf_works() -> bool:
    """Whether this machine lets us count instructions in hardware. Many virtual machines do not."""
    try:
        tried = subprocess.run(
            [installs.program("perf"), "stat", "-x,", "-e", "instructions:u", "true"],
            capture_output=True,
            text=True,
            check=False,
        )
    except Missing:
        return False
    return tried.returncode == 0 and perf_total(tried.stderr) is not None


def perf_total(output: str) -> int | None:
    """The count in the output of `perf stat -x,`, or None when it was not counted."""
    found = re.search(r"^(\d+),[^,]*,instructions", output, re.MULTILINE)
    return int(found[1]) if found else None


def callgrind_total(text: str) -> int:
    """Instructions in one callgrind output file. Raises ValueError when it is not whole."""
    found = re.search(r"^totals: (\d+)", text, re.MULTILINE)
    if found is None:
        raise ValueError("no `totals:` line: callgrind was ended before it could write")
    return int(found[1])


def _by_perf(peer: Peer, ground: Ground, calls: int) -> int:
    payload = ground.payloads[0]
    tree = ground.start_proven(peer)
    send(tree.port, payload, WARM)
    pids = ",".join(str(process.pid) for process in tree.data_plane())
    perf = subprocess.Popen(
        [installs.program("perf"), "stat", "-x,", "-e", "instructions:u", "-p", pids],
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.5)  # perf says nothing when it has attached
    send(tree.port, payload, calls)
    perf.send_signal(signal.SIGINT)
    _, output = perf.communicate(timeout=10)
    tree.stop()
    total = perf_total(output)
    if total is None:
        raise Died(f"perf stat counted nothing for {peer.name}: {output}")
    return total


def _by_callgrind(peer: Peer, ground: Ground, calls: int) -> int:
    payload = ground.payloads[0]
    site = ground.site(peer.name, ground.backend.port)
    launch = _single_process(peer, site)
    valgrind = [
        *(installs.program("valgrind"), "--tool=callgrind", f"--callgrind-out-file={site.directory}/out.%p"),
        # sidecar's supervisor starts its data plane as a child; its observer need not be slowed down.
        *("--trace-children=yes", "--trace-children-skip-by-arg=observer"),
    ]
    # Hash seeds change the layout of every dictionary, and with it the count.
    env = {**launch.env, "PYTHONHASHSEED": "0"}
    tree = Tree(peer.name, [*valgrind, *launch.argv], site.port, site.directory / "log", env)
    try:
        tree.wait_until_listening(300)
        prove(peer, site.port, payload)
        send(site.port, payload, calls)
        carriers = tree.data_plane()
    finally:
        tree.stop(120)
    return sum(callgrind_total(_output(site, process)) for process in carriers)


def _single_process(peer: Peer, site: Site) -> Launch:
    # A worker that nginx's master forks is ended by a signal under which callgrind writes nothing.
    return peers.nginx(site, "master_process off;") if peer.name == "nginx" else peer.launch(site)


def _output(site: Site, process: psutil.Process) -> str:
    path = site.directory / f"out.{process.pid}"
    if not path.exists():
        raise Died(
            f"callgrind wrote no {path.name}; the log ends:\n{(site.directory / 'log').read_text()[-2000:]}"
        )
    return path.read_text()


def send(port: int, payload: Payload, calls: int) -> None:
    """Make calls one after the other on one connection, with the bodies in turn. Raises NotWorking."""
    with Caller(port, payload) as caller:
        for body in islice(cycle(payload.bodies), calls):
            answer = caller.call(body)
            if answer.body != payload.reply:
                raise NotWorking(f"status {answer.status} while counting")


if __name__ == "__main__":
    sys.exit(main())
