"""What does it cost callers that another model is asked, too?

    python -m bench.shadow [--rounds 5] [--seconds 3]

The same calls through sidecars that differ in their policy, in turn: 16 connections flat out, and 16 that
pause for 10 ms before each call, where latency tells whether anybody waits. The other model is as fast as the
first, or not there, or accepts and never answers.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import urllib.request

from bench.rig import backends
from bench.rig.ground import Ground
from bench.rig.payloads import one_row
from bench.rig.peers import PEERS, Launch, Peer, Site

CONNECTIONS = 16
PAUSE_MS = 10

POLICY = "apiVersion: sidecar/v1\nkind: Policy\nname: p\nrules:\n  - {{name: r, action: {action}}}\n"

SIDES = {
    "a tag": "tag",
    "a tenth of the calls": "shadow, to: 'http://127.0.0.1:{fast}', share: 0.1",
    "all calls": "shadow, to: 'http://127.0.0.1:{fast}'",
    "all calls, of a model that is away": "shadow, to: 'http://127.0.0.1:1'",
    "all calls, of a model that never answers": "shadow, to: 'http://127.0.0.1:{silent}'",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.shadow", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    asked = parser.parse_args()
    payload = one_row()
    with Ground([payload], baseline=True) as ground, socket.create_server(("127.0.0.1", 0)) as silent:
        other = backends.fixed([payload], ground.directory / "other", ground.free_port())
        try:
            other.wait_until_listening()
            ports = {"fast": other.port, "silent": silent.getsockname()[1]}
            trees = {name: ground.start_proven(_peer(name, ports)) for name in SIDES}
            wrk = ground.wrk(payload)
            for tree in trees.values():
                wrk.run(tree.port, CONNECTIONS, 1)
            for pause in (0, PAUSE_MS):
                loads = {name: [] for name in SIDES}
                for number in range(asked.rounds):
                    names = list(SIDES)[number % len(SIDES) :] + list(SIDES)[: number % len(SIDES)]
                    for name in names:
                        trees[name].settle()
                        loads[name].append(wrk.run(trees[name].port, CONNECTIONS, asked.seconds, pause))
                _print(pause, loads)
            for name, tree in trees.items():
                print(f"{name}: {_outcomes(tree.admin)}")
        finally:
            other.stop()


def _print(pause: int, loads: dict) -> None:
    first = next(iter(loads))
    print(f"\n## {CONNECTIONS} connections{f', {pause} ms between calls' if pause else ', flat out'}\n")
    print("| asked, too | calls/s | of the first | p50 us | p99 us | errors |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, found in loads.items():
        errors = sum(one.errors for one in found)
        ratio = statistics.median(a.rate / b.rate for a, b in zip(found, loads[first], strict=True))
        rate, p50, p99 = (
            statistics.median(getattr(one, of) for one in found) for of in ("rate", "p50", "p99")
        )
        print(f"| {name} | {rate:,.0f} | {ratio:.1%} | {p50:.0f} | {p99:.0f} | {errors} |")


def _peer(name: str, ports: dict[str, int]) -> Peer:
    def launch(site: Site) -> Launch:
        file = site.directory / "policy.yaml"
        file.write_text(POLICY.format(action=SIDES[name].format(**ports)))
        usual = PEERS["sidecar-scoring"].launch(site)
        return Launch([*usual.argv, "--policy", str(file)], usual.env)

    return Peer(name.replace(" ", "-").replace(",", ""), name, launch, "normal")


def _outcomes(admin: int) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/api/v1/policies", timeout=10) as answer:
        (rule,) = json.load(answer)["policies"][0]["rules"]
    return rule.get("shadow", {}).get("outcomes", {})


if __name__ == "__main__":
    main()
