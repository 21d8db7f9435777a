"""Rules in common use under the same replay: those of libraries as they come, and simple ones beside them.

Each library is installed into an environment of its own (`bench.rig.installs`) and judges windows there
(`bench.drift.foreign`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from bench.drift.data import draw
from bench.drift.rules import RULES, judged
from bench.rig import installs
from sidecar.exchange import Matrix

LIBRARIES = ("evidently", "nannyml", "alibi-detect")

REFERENCE = 10_000
"""Rows of the reference: ten windows, because NannyML takes its thresholds from chunks of it."""

SIZES = (1_000, 100)
"""Rows in a window."""

FOREIGN = Path(__file__).parent / "foreign.py"

PATIENCE = 900.0
"""Seconds that a library may take for all windows of one set."""


def peers(pools: dict[str, Matrix], windows: int, seed: int) -> None:
    """The share of windows with an alarm, over all sets, for each rule."""
    print(
        f"\nThe same for other rules: windows with an alarm, {windows} windows of each of {len(pools)} sets\n"
    )
    found: dict[str, dict[int, float]] = {}
    promised = {rule: told for rule, (told, _) in RULES.items()}
    for size in SIZES:
        alarms: Counter[str] = Counter()
        seen: Counter[str] = Counter()
        for i, (name, pool) in enumerate(pools.items()):
            random = np.random.default_rng((seed, size, i))
            reference = draw(pool, REFERENCE, random)
            replay = np.stack([draw(pool, size, random) for _ in range(windows)])
            print(f"{name}, windows of {size}", file=sys.stderr)
            for rule, count in {**judged(reference, replay), **_of_libraries(reference, replay)}.items():
                alarms[rule] += count
                seen[rule] += windows
        for rule, count in alarms.items():
            found.setdefault(rule, {})[size] = count / seen[rule]
    print(f"{'rule':52}{'promised':>18}" + "".join(f"{f'of {size:,} rows':>16}" for size in SIZES))
    for rule, shares in found.items():
        cells = "".join(f"{shares[size]:>16.1%}" if size in shares else f"{'':>16}" for size in SIZES)
        print(f"{rule:52}{promised.get(rule, ''):>18}{cells}")


def _of_libraries(reference: Matrix, replay: Matrix) -> dict[str, int]:
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "replay.npz"
        np.savez(file, reference=reference, windows=replay)
        for library in LIBRARIES:
            try:
                told = _asked(library, file)
            except (installs.Missing, subprocess.SubprocessError, ValueError) as error:
                print(f"{library}: left out: {error}", file=sys.stderr)
                continue
            found |= {f"{library}: {rule}": count for rule, count in told.items()}
    return found


def _asked(library: str, file: Path) -> dict[str, int]:
    python = installs.environment(library) / "bin" / "python"
    said = subprocess.run(
        [str(python), str(FOREIGN), library, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=PATIENCE,
    )
    told: dict[str, int] = json.loads(said.stdout.splitlines()[-1])
    return told
