"""`bench/proxy`: sidecar and its peers in front of the same backend, in turn, for several rounds.

Within a round every target is measured with one payload and one number of connections before the next are
taken, so that figures which are compared lie seconds apart; each round starts with another target.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.rig import bulk, report, told
from bench.rig.ground import Ground
from bench.rig.installs import Missing
from bench.rig.payloads import PAYLOADS, Payload
from bench.rig.peers import PEERS, Peer
from bench.rig.processes import Died, Tree, cpu_seconds, rss
from bench.rig.proof import NotWorking
from bench.rig.report import DIRECT, Cell, StreamCell
from bench.rig.wrk import Wrk

STREAM = "stream"
STREAM_BYTES = 100_000_000
_LOAD_CORE, _PROXY_CORE = 0, 1


class Plan(msgspec.Struct, frozen=True):
    """What one run of `bench/proxy` measures."""

    rounds: int
    seconds: int
    peers: tuple[str, ...]
    payloads: tuple[str, ...]
    connections: tuple[int, ...]
    """Empty: those that each payload names."""
    pin: bool = False


FULL = Plan(rounds=5, seconds=4, peers=tuple(PEERS), payloads=(*PAYLOADS, STREAM), connections=())
QUICK = Plan(
    rounds=2,
    seconds=1,
    peers=("envoy", "nginx", "aiohttp", "sidecar-pass-through", "sidecar-everything"),
    payloads=("json",),
    connections=(1, 16),
)


class Results(msgspec.Struct, frozen=True):
    """Everything measured, as it is written to the file of `--json`."""

    machine: str
    cores: int
    plan: Plan
    cells: list[Cell]
    streams: list[StreamCell]


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        results = measure(_plan(args))
    except (Missing, Died, NotWorking, bulk.WrongCount) as error:
        print(f"bench/proxy: {error}", file=sys.stderr)
        return 1
    if args.json:
        args.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    _print(results)
    return 0


def measure(plan: Plan) -> Results:
    """Install, start, prove and measure; whatever was started is stopped on the way out."""
    chosen = [PEERS[name] for name in plan.peers]
    payloads = [PAYLOADS[name]() for name in plan.payloads if name != STREAM]
    with Ground(payloads, baseline=any(peer.scores for peer in chosen)) as ground:
        cells = _calls(plan, chosen, ground) if payloads else []
        streams = _streams(plan, chosen, ground) if STREAM in plan.payloads else []
    machine = (
        f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}"
    )
    return Results(machine, os.cpu_count() or 0, plan, cells, streams)


def _calls(plan: Plan, chosen: list[Peer], ground: Ground) -> list[Cell]:
    trees: dict[str, Tree | None] = {DIRECT: None}
    for peer in chosen:
        trees[peer.name] = ground.start_proven(peer)
    if plan.pin:
        _pin(ground, trees)
    runs = [
        (payload, ground.wrk(payload, _LOAD_CORE if plan.pin else None), connections)
        for payload in ground.payloads
        for connections in plan.connections or payload.connections
    ]
    _say(f"{plan.rounds * len(runs) * len(trees)} runs of {plan.seconds} s")
    names = list(trees)
    cells = {}
    for number in range(plan.rounds):
        turn = number % len(names)
        for payload, wrk, connections in runs:
            for name in names[turn:] + names[:turn]:
                cell = _cell(number, payload, wrk, connections, name, trees[name], ground, plan.seconds)
                cells[payload.name, connections, names.index(name), number] = cell
        _say(f"round {number + 1} of {plan.rounds} done")
    # The table follows the order in which peers and payloads were named, not the turns.
    order = [payload.name for payload in ground.payloads]
    return [cells[key] for key in sorted(cells, key=lambda key: (order.index(key[0]), *key[1:]))]


def _pin(ground: Ground, trees: dict[str, Tree | None]) -> None:
    """A core for wrk and the backend, one for the data plane; an observer goes where there is room."""
    ground.backend.pin({_LOAD_CORE})
    for tree in trees.values():
        if tree is not None:
            tree.pin({_PROXY_CORE}, tree.data_plane())


def _cell(
    number: int,
    payload: Payload,
    wrk: Wrk,
    connections: int,
    name: str,
    tree: Tree | None,
    ground: Ground,
    seconds: int,
) -> Cell:
    port = tree.port if tree else ground.backend.port
    if tree is None:
        return Cell(number, payload.name, connections, name, wrk.run(port, connections, seconds))
    if number == 0:
        wrk.run(port, connections, 1)  # opens the proxy's connections and warms its caches
        tree.settle()
    told_before = told.settled(tree.admin) if tree.admin else None
    carriers = tree.data_plane()
    before, before_data_plane = tree.cpu_seconds(), cpu_seconds(carriers)
    load = wrk.run(port, connections, seconds)
    settled = tree.settle()
    cpu_whole, cpu_data_plane = tree.cpu_seconds() - before, cpu_seconds(carriers) - before_data_plane
    return Cell(
        round=number,
        payload=payload.name,
        connections=connections,
        target=name,
        load=load,
        cpu_data_plane=cpu_data_plane,
        cpu_whole=cpu_whole,
        rss_data_plane=rss(carriers),
        rss_whole=rss(tree.processes()),
        settled=settled,
        told=told.settled(tree.admin).since(told_before) if tree.admin and told_before else None,
    )


def _streams(plan: Plan, chosen: list[Peer], ground: Ground) -> list[StreamCell]:
    backend = ground.start_bulk_backend()
    cells = []
    for number in range(plan.rounds):
        for peer in chosen:
            # A fresh process each time: memory kept from one stream would hide what the next one takes.
            tree = ground.start(peer, backend.port)
            cells.append(StreamCell(number, peer.name, bulk.measure(tree, STREAM_BYTES)))
            tree.stop()
        _say(f"streams: round {number + 1} of {plan.rounds} done")
    return cells


def _print(results: Results) -> None:
    plan = results.plan
    lines = report.lines(results.cells)
    cores = f"{results.cores} cores{', pinned' if plan.pin else ''}"
    print(f"{results.machine}, {cores}; medians of {plan.rounds} rounds of {plan.seconds} s")
    print("Latencies: of direct as they are, of all others added to direct. x: ratio to Envoy.")
    print("CPU, RSS: of the data plane (who answers on the socket), and of the whole tree.")
    print("told: share of calls that sidecar's observer heard of; scored: share of those with a score.")
    if lines:
        print(report.table(lines))
    if results.streams:
        print(report.stream_table(results.streams, STREAM_BYTES))
    print(report.promises(lines))
    busy = sum(not cell.settled for cell in results.cells)
    if busy:
        print(
            f"{busy} runs: the proxy was still busy ten seconds after the last call, its CPU is understated"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench/proxy", description=__doc__.partition("\n")[0] if __doc__ else None
    )
    parser.add_argument(
        "--quick", action="store_true", help="one to two minutes: fewer peers, rounds, seconds"
    )
    parser.add_argument("--rounds", type=_positive, help=f"default {FULL.rounds}, quick {QUICK.rounds}")
    parser.add_argument(
        "--seconds", type=_positive, help=f"of each run; default {FULL.seconds}, quick {QUICK.seconds}"
    )
    parser.add_argument(
        "--peers", type=_names(FULL.peers), help=f"comma-separated, of {','.join(FULL.peers)}"
    )
    parser.add_argument("--payloads", type=_names(FULL.payloads), help=f"of {','.join(FULL.payloads)}")
    parser.add_argument("--connections", type=_numbers, help="for every payload; default: 1,16,64 for json")
    parser.add_argument("--pin", action="store_true", default=None, help="a core for load, one for the proxy")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement there")
    return parser


def _plan(args: argparse.Namespace) -> Plan:
    base = QUICK if args.quick else FULL
    given = {name: getattr(args, name) for name in Plan.__struct_fields__ if getattr(args, name) is not None}
    return msgspec.structs.replace(base, **given)


def _names(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}"
            )
        return chosen

    return names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(_positive, text.split(",")))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers from 1")
    return int(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
