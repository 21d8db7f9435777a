"""What policies 04 and 05 together cost honest callers who attack nothing: every digit there is, asked once.
Counterpart: `bench.attacks.blocked`, where they stand in the way of attacks.

The digits are turned round, a quarter at a time, so that each is asked about where neither the model nor the
baseline has learned from it. What is lost is a digit that the model alone reads rightly and that is refused.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.attacks.blocked import between, both, learned
from bench.attacks.sequences import CALLERS, Digits, Fate, Question, fates, percent, served, table
from examples import launch
from examples.processes import ROOT

ROUNDS = 4

TRAINED, REFERENCE = 2_000, 3_750
"""Of each round: the first digits are the model's, those up to here the baseline's, the others are asked."""


def main(python: Path, place: Path, quick: bool, only: tuple[str, ...]) -> int:
    subprocess.run([python, ROOT / "bench/attacks/digits.py", place / "digits.npz"], check=True)
    with np.load(place / "digits.npz") as found:
        pixels, labels = found["pixels"], found["labels"]
    policies = both(place)
    rows: list[list[object]] = []
    for kind in only or ("network", "convolutional"):
        met: list[Fate] = []
        for turn in range(1 if quick else ROUNDS):
            away = -turn * (len(labels) - REFERENCE)
            digits = Digits(
                place / f"{kind}-{turn}.npz", np.roll(pixels, away, axis=0), np.roll(labels, away)
            )
            np.savez(digits.file, pixels=digits.pixels, labels=digits.labels)
            with served(python, place, digits, kind, TRAINED) as model:
                out = place / f"baseline-{kind}-{turn}"
                baseline = learned(out, digits.pixels[TRAINED:REFERENCE], model.url)
                flags = ("--policy", str(policies), "--baseline", str(baseline))
                with launch.sidecar(model.url, place, flags) as sidecar:
                    asked = _each(digits, 200 if quick else len(labels))
                    met += fates(sidecar.url, model.url, digits, asked)["fresh"]
            print(*_row(kind, met), file=sys.stderr)
        rows.append(_row(kind, met))
    head = ["model", "digits", "refused", "%", "right % past", "right % through", "points lost", "between"]
    print(table(head, rows))
    return 0


def _each(digits: Digits, count: int) -> Iterator[Question]:
    """Those that nobody learned from, the first so many, by callers in no order."""
    rng = np.random.default_rng(11)
    for place in range(REFERENCE, len(digits.labels))[:count]:
        yield Question("fresh", place, digits.pixels[place], int(rng.integers(CALLERS)))


def _row(kind: str, met: list[Fate]) -> list[object]:
    refused, right, plain, _ = (sum(column) for column in zip(*met, strict=True))
    lost = sum(one.plain and not one.right for one in met)
    low, high = between(lost, len(met))
    return [
        *(kind, len(met), refused, percent(refused, len(met)), percent(plain, len(met))),
        *(percent(right, len(met)), f"{100 * lost / len(met):.2f}", f"{100 * low:.2f} and {100 * high:.2f}"),
    ]
