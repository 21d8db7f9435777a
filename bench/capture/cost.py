"""Calls a second at 16 connections, with captures and without, in turn so that others disturb all alike."""

from __future__ import annotations

import statistics

from bench.rig.ground import Ground
from bench.rig.payloads import one_row
from bench.rig.peers import PEERS, Launch, Peer, Site
from bench.rig.processes import cpu_seconds
from bench.rig.told import settled

CONNECTIONS = 16

SETTINGS: dict[str, tuple[str, ...]] = {
    "no redaction, no capture": ("--redact", "none"),
    "redaction": (),
    "redaction, capture 10 %": ("--capture", "@DIR@/captures"),
    "redaction, capture 100 %": ("--capture", "@DIR@/captures", "--capture-rate", "1"),
}


def cost(rounds: int, seconds: int) -> None:
    """Print medians over the rounds."""
    payload = one_row()
    rates: dict[str, list[float]] = {name: [] for name in SETTINGS}
    work: dict[str, list[float]] = {name: [] for name in SETTINGS}
    with Ground([payload], baseline=True) as ground:
        trees = {name: ground.start_proven(_peer(name)) for name in SETTINGS}
        wrk = ground.wrk(payload)
        for tree in trees.values():
            wrk.run(tree.port, CONNECTIONS, 1)
        for number in range(rounds):
            names = list(SETTINGS)[number % len(SETTINGS) :] + list(SETTINGS)[: number % len(SETTINGS)]
            for name in names:
                tree = trees[name]
                tree.settle()
                before = cpu_seconds(tree.processes())
                load = wrk.run(tree.port, CONNECTIONS, seconds)
                tree.settle()
                rates[name].append(load.rate)
                work[name].append(1e6 * (cpu_seconds(tree.processes()) - before) / load.calls)
        told = {name: settled(tree.admin) for name, tree in trees.items() if tree.admin}
    first = next(iter(SETTINGS))
    print(f"\n## {CONNECTIONS} connections, {rounds} rounds of {seconds} s, medians\n")
    print("| | calls/s | of the first | CPU us/call, whole tree | records dropped |")
    print("| --- | --- | --- | --- | --- |")
    for name in SETTINGS:
        ratio = statistics.median(a / b for a, b in zip(rates[name], rates[first], strict=True))
        one = told[name]
        print(
            f"| {name} | {statistics.median(rates[name]):,.0f} | {ratio:.1%} "
            f"| {statistics.median(work[name]):.0f} | {one.dropped / max(1, one.calls):.1%} |"
        )


def _peer(setting: str) -> Peer:
    def launch(site: Site) -> Launch:
        usual = PEERS["sidecar-scoring"].launch(site)
        flags = [flag.replace("@DIR@", str(site.directory)) for flag in SETTINGS[setting]]
        return Launch([*usual.argv, *flags], usual.env)

    return Peer(setting.replace(" ", "-").replace("%", ""), setting, launch, "normal")
