"""Attacks by many questions where both ready-made policies stand in their way, 04 and 05, and what honest
callers lose by them. Counterparts: `bench.attacks.sequences`, which has the attacks without, and
`bench.attacks.walkers`.

Three parts of the digits: the model's, the baseline's (of whose squeezed digits the model is asked, so it
must not have learned them), and those that are attacked or asked honestly.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.attacks import sequences
from bench.attacks.sequences import Digits, percent, table
from examples import launch
from examples.processes import ROOT
from examples.processes import python as command

TRAINED, REFERENCE = 2_000, 3_500
"""The first digits are the model's, those up to here the baseline's."""

ATTACKS = ("hop-skip-jump", "hop-skip-jump-from-digit", "boundary", "boundary-from-digit")

BUDGET = 1_000

SURE = 0.05
"""One less the confidence of a bound."""


def main(python: Path, place: Path, quick: bool, only: tuple[str, ...]) -> int:
    subprocess.run([python, ROOT / "bench/attacks/digits.py", place / "digits.npz"], check=True)
    with np.load(place / "digits.npz") as found:
        digits = Digits(place / "digits.npz", found["pixels"], found["labels"])
    policies = both(place)
    rows: list[list[object]] = []
    streams = []
    for kind in only or ("network", "convolutional"):
        with sequences.served(python, place, digits, kind, TRAINED) as model:
            run = place / f"run-{kind}"
            baseline = learned(place / kind, digits.pixels[TRAINED:REFERENCE], model.url)
            flags = ("--policy", str(policies), "--baseline", str(baseline))
            victims = sequences.chosen(model.url, digits, 5 if quick else 20)
            with launch.sidecar(model.url, place, (*flags, "--run-dir", str(run))) as sidecar:
                sequences.touch(sidecar.url, digits)
                for name in ATTACKS:
                    walks = sequences.walk(python, place, sidecar.url, digits, BUDGET, run, name, victims)
                    fooled = sum(one["success"] for one in walks)
                    asked, refused = (sum(one[what] for one in walks) for what in ("questions", "refused"))
                    rows.append([kind, name, len(walks), asked, percent(refused, asked), fooled,
                                 f"{100 * at_most(fooled, len(walks)):.1f}"])  # fmt: skip
                    print(*rows[-1], file=sys.stderr)
            with launch.sidecar(model.url, place, (*flags, "--workers", "2")) as sidecar:
                asked_by = sequences.stream(digits, 400 if quick else 2_500, REFERENCE)
                streams.append(sequences.honest(sidecar.url, model.url, digits, asked_by))
                print(streams[-1], file=sys.stderr)
    print(table(["model", "attack", "digits", "questions", "refused %", "succeed", "at most %"], rows))
    print(*streams, sep="\n")
    return 0


def both(place: Path) -> Path:
    """A folder with policies 04 and 05."""
    policies = place / "policies"
    policies.mkdir()
    adversarial = (ROOT / "policies" / "04-adversarial.yaml").read_text(encoding="utf-8")
    (policies / "04.yaml").write_text(adversarial, encoding="utf-8")
    (policies / "05.yaml").write_text(sequences.blocking(), encoding="utf-8")
    return policies


def learned(out: Path, pixels: Any, url: str) -> Path:
    """A baseline of these digits, about which the model at `url` is asked."""
    rows = out.with_suffix(".npz")
    np.savez(rows, X=pixels)
    fit = ["fit", "--data", str(rows), "--out", str(out), "--pixels", "28x28"]
    fit += ["--detectors", "hbos", "--ask", f"{url}/v1/models/digits:predict"]
    subprocess.run(command("sidecar.cli", *fit), cwd=ROOT, check=True, stdout=sys.stderr)
    return out


def at_most(successes: int, tries: int) -> float:
    """What the share of successes is at most, 19 times in 20 (Clopper and Pearson 1934, one-sided)."""
    return _share(lambda share: _odds(successes, tries, share) > SURE)


def between(successes: int, tries: int) -> tuple[float, float]:
    """What the share of successes lies between, 19 times in 20 (Clopper and Pearson 1934)."""
    low = _share(lambda share: 1.0 - _odds(successes - 1, tries, share) < SURE / 2.0)
    return low, _share(lambda share: _odds(successes, tries, share) > SURE / 2.0)


def _odds(successes: int, tries: int, share: float) -> float:
    """Of so many successes or fewer."""
    return sum(math.comb(tries, i) * share**i * (1.0 - share) ** (tries - i) for i in range(successes + 1))


def _share(is_below: Callable[[float], bool]) -> float:
    """Where `is_below`, which is so up to some share, ends to be."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high
