"""Who broke the chain, on generated chains where that is known.

    python -m bench.cascade                    # 100 chains a column; some ten minutes on one core
    python -m bench.cascade --chains 20

Each chain has 3 to 8 models (`bench.rig.chains`). Three ways to name the culprit see the same rows:

- `cascade`: `sidecar.cascade.answer`, as `sidecar cascade` asks it; it may also name nobody.
- `largest drift`: the model whose answers moved most (Kolmogorov-Smirnov).
- `earliest drift`: the model whose answers moved first (a step fitted to each, those that moved).

Top-1 is the share of chains with the right name, MRR the mean of one over the culprit's rank. Neither
baseline can say "nobody", so their last column is 0. Seeds 0 to 999 were for development; reported are those
from 1000 on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.rig.chains import COLUMNS, Column, Episode, episode
from sidecar.cascade import Answer, Pairs, Row, Witness, answer
from sidecar.cascade.marginal import distance
from sidecar.cascade.onset import _likelihoods

FIRST_SEED = 1000


class Named(NamedTuple):
    """The models in the order of suspicion; none when nobody is to blame."""

    order: tuple[int, ...]
    nobody: bool = False


def witnesses(life: Episode) -> list[Witness]:
    """What the sidecars of a chain would tell; a call each second, a second for each model."""
    names = [f"m{i}" for i in range(len(life.stages))]
    return [
        Witness(
            names[i],
            (
                Pairs(
                    names[i],
                    "/infer",
                    tuple(f"x{j}" for j in range(stage.asked.shape[1])),
                    tuple(f"y{j}" for j in range(stage.answered.shape[1])),
                    tuple(
                        Row(str(t), "", 0, t + i / 10, t + i / 10 + 0.05, "1", tuple(asked), tuple(answered))
                        for t, (asked, answered) in enumerate(
                            zip(stage.asked.tolist(), stage.answered.tolist(), strict=True)
                        )
                    ),
                ),
            ),
            ((names[i - 1], names[i]),) if i else (),
        )
        for i, stage in enumerate(life.stages)
    ]


def by_cascade(life: Episode) -> tuple[Named, Answer]:
    found = answer(witnesses(life))
    order = sorted(
        range(len(life.stages)),
        key=lambda i: (f"m{i}" != found.origin, -found.models[i].strength),
    )
    return Named(tuple(order), found.verdict in ("outside", "nothing")), found


def by_largest_drift(life: Episode) -> Named:
    moves = [_largest(stage.answered) for stage in life.stages]
    return Named(tuple(np.argsort(-np.array(moves), kind="stable").tolist()))


def by_earliest_drift(life: Episode) -> Named:
    """Among models whose answers moved, by when a step fits them best; the others come last."""
    starts = []
    for stage in life.stages:
        moved = _largest(stage.answered) > 0.12
        best = sum(_likelihoods(column) for column in stage.answered.T)
        starts.append(int(np.argmax(best)) if moved else len(stage.answered))
    return Named(tuple(np.argsort(starts, kind="stable").tolist()))


def _largest(answered: np.ndarray) -> float:
    half = len(answered) // 2
    return max(distance(column[:half].tolist(), column[-400:].tolist()) for column in answered.T)


class Tally:
    """Right names and ranks of one way in one column."""

    def __init__(self) -> None:
        self.right = 0
        self.ranks: list[float] = []

    def update(self, named: Named, origin: int | None) -> bool:
        if origin is None:
            right = named.nobody
            self.ranks.append(float(right))
        else:
            right = not named.nobody and named.order[0] == origin
            self.ranks.append(0.0 if named.nobody else 1.0 / (1 + named.order.index(origin)))
        self.right += right
        return right

    def shown(self) -> str:
        return f"{self.right / len(self.ranks):.3f} (MRR {np.mean(self.ranks):.3f})"


def run(chains: int, first: int) -> dict[str, dict[Column, Tally]]:
    ways = ("cascade", "largest drift", "earliest drift")
    tallies: dict[str, dict[Column, Tally]] = {way: {c: Tally() for c in COLUMNS} for way in ways}
    off: list[float] = []
    for column in COLUMNS:
        for seed in range(first, first + chains):
            life = episode(seed, column)
            named, found = by_cascade(life)
            if not tallies["cascade"][column].update(named, life.origin):
                print(f"  wrong: seed {seed}, {column}, {life.fault} of {life.origin}: {found.sentence}")
                strengths = ", ".join(f"{one.strength:.1f}" for one in found.models)
                print(f"         strengths {strengths}", flush=True)
            elif life.origin is not None:
                off.append(abs(found.since - 1000.0 - life.origin / 10))
            tallies["largest drift"][column].update(by_largest_drift(life), life.origin)
            tallies["earliest drift"][column].update(by_earliest_drift(life), life.origin)
    if off:
        print(f"onset off by {np.median(off):.0f} calls (median), {np.quantile(off, 0.95):.0f} (95 %)")
    return tallies


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cascade", description=__doc__.partition("\n")[0])
    parser.add_argument("--chains", type=int, default=100, help="chains in each column [default: 100]")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="of the chains")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    tallies = run(options.chains, options.first_seed)
    print(f"\n| | {' | '.join(COLUMNS)} |\n| --- {'| --- ' * len(COLUMNS)}|")
    for way, columns in tallies.items():
        print(f"| {way} | {' | '.join(columns[column].shown() for column in COLUMNS)} |")
    print(f"\n{options.chains} chains a column in {time.monotonic() - began:.0f} s")
    met = all(tally.right >= 0.95 * len(tally.ranks) for tally in tallies["cascade"].values())
    print("target: top-1 of cascade at least 0.95 in each column:", "met" if met else "MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
