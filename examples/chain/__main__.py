"""A better first model, a worse chain, and who is to blame: python -m examples.chain

For each family (words, pictures): start three models with a sidecar before each, send questions, ask who
broke the chain (nobody), put a better version of the first model in its place, send more, and ask again. Ends
by itself; the status is 0 when the right model was named within 500 calls, and nobody before.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from examples.chain.server import FAMILIES
from examples.chain.stage import Chain, running
from sidecar.cascade import Answer, answer
from sidecar.peers.command import told
from sidecar.peers.gathering import gathered

BEFORE, WITHIN, STEP, LEAST = 400, 500, 100, 200
"""Calls before the new version, calls within which it must be named, calls between two questions, and calls
after the new version at least, so that its harm shows."""

MORE = 60
"""Calls more at most until every edge is known: a busy machine does not read every answer, and lineage needs
both ends of the same one."""

NESTED = {"words": True, "pictures": False}


class Told(NamedTuple):
    """What became of one family: calls until the right model was named (0: never), wrong names."""

    named_after: int
    blamed_wrongly: int
    right_before: float
    right_after: float
    last: Answer


def play(chain: Chain, directory: Path) -> Told:
    """The whole story of one family."""
    family = FAMILIES[chain.family]
    first = chain.names[0]
    rows, wanted = family.asked(BEFORE + WITHIN, seed=7)
    blamed, right = 0, []
    for number, (row, want) in enumerate(zip(rows[:BEFORE], wanted, strict=False), 1):
        right.append(chain.ask(row) == want)
        if number % (2 * STEP) == 0:
            blamed += asked(chain).verdict in ("model", "edge")
    chain.release(first, 2, directory)
    later = []
    named = 0
    for number, (row, want) in enumerate(zip(rows[BEFORE:], wanted[BEFORE:], strict=True), 1):
        later.append(chain.ask(row) == want)
        if number % STEP == 0 and not named:
            found = asked(chain)
            named = number if found.origin == first else 0
            blamed += found.verdict in ("model", "edge") and not named
        if named and number >= LEAST:
            break
    last = asked(chain)
    for row in rows[:MORE]:
        if len(last.edges) == len(chain.names) - 1:
            break
        chain.ask(row)
        last = asked(chain)
    return Told(named, blamed, sum(right) / len(right), sum(later) / len(later), last)


def asked(chain: Chain) -> Answer:
    """What `sidecar cascade` says now, once all sidecars have heard of the latest second."""
    began, limit = time.time(), time.monotonic() + 20
    while True:
        found = gathered(chain.admins)
        latest = [one.pairs[0].rows[-1].began for one in found.witnesses if one.pairs]
        if (len(latest) == 3 and min(latest) >= began - 1.0) or time.monotonic() > limit:
            return answer(found.witnesses)
        time.sleep(0.1)


def run(name: str, keep: bool = False) -> bool:
    """One family, from start to end. `keep`: the sidecars' pages stay up until Ctrl-C."""
    measure, old, new = FAMILIES[name].measures()
    first = FAMILIES[name].NAMES[0]
    print(f"{name}: {' -> '.join(FAMILIES[name].NAMES)}")
    print(f"  {first} version 2 is better by its own measure, {measure}: {old:.3f} -> {new:.3f}")
    with (
        tempfile.TemporaryDirectory(prefix="sidecar-chain-") as place,
        running(name, Path(place), NESTED[name]) as chain,
    ):
        found = play(chain, Path(place))
        if keep:
            _stay(chain)
    print(
        f"  {first} was named {found.named_after} calls after its new version"
        if found.named_after
        else "  it was never named"
    )
    print(f"  somebody was blamed wrongly {found.blamed_wrongly} times\n")
    print("\n".join(f"    {line}" for line in told(found.last)))
    print(f"\n  right answers of the chain: {found.right_before:.1%} before, {found.right_after:.1%} after\n")
    return 0 < found.named_after <= WITHIN and not found.blamed_wrongly and found.last.origin == first


def _stay(chain: Chain) -> None:
    print(f"  {chain.names[0]} has a new version. Who broke the chain? Ask at")
    for name, url in zip(chain.names, chain.admins, strict=True):
        print(f"    {url}/chain   ({name})")
    print("  They stay up until Ctrl-C.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.chain", description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, help="only this one")
    options = parser.parse_args(arguments)
    names = [options.family] if options.family else list(FAMILIES)
    good = [run(name) for name in names]
    print("As it should be." if all(good) else "NOT as it should be.")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
