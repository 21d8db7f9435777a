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

PATIENCE = 1_800.0
"""Seconds that a library may take for all windows of one size."""


def peers(pools: dict[str, Matrix], windows: int, seed: int) -> None:
    """The share of windows with an alarm, over all sets, for each rule."""
    print(f"\nOther rules: share of windows with an alarm, {windows} of each of {len(pools)} sets\n")
    found: dict[str, dict[int, float]] = {}
    for size in SIZES:
        alarms: Counter[str] = Counter()
        seen: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for i, pool in enumerate(pools.values()):
                random = np.random.default_rng((seed, size, i))
                reference = draw(pool, REFERENCE, random)
                replay = np.stack([draw(pool, size, random) for _ in range(windows)])
                alarms.update(judged(reference, replay))
                seen.update(dict.fromkeys(RULES, windows))
                files.append(Path(folder) / f"{i}.npz")
                np.savez(files[-1], reference=reference, windows=replay)
            for library in LIBRARIES:
                for told in _asked(library, files):
                    alarms.update({f"{library}: {rule}": count for rule, count in told.items()})
                    seen.update({f"{library}: {rule}": windows for rule in told})
        for rule in seen:
            found.setdefault(rule, {})[size] = alarms[rule] / seen[rule]
    promised = {rule: told for rule, (told, _) in RULES.items()}
    print(f"{'rule':52}{'promised':>18}" + "".join(f"{f'of {size:,} rows':>16}" for size in SIZES))
    for rule, shares in found.items():
        cells = "".join(f"{shares[size]:>16.1%}" if size in shares else f"{'':>16}" for size in SIZES)
        print(f"{rule:52}{promised.get(rule, ''):>18}{cells}")


def _asked(library: str, files: list[Path]) -> list[dict[str, int]]:
    """What a library says of each file; of fewer, or none, where it fails or takes too long."""
    print(f"asking {library}", file=sys.stderr)
    try:
        python = installs.environment(library) / "bin" / "python"
    except installs.Missing as error:
        print(f"{library}: left out: {error}", file=sys.stderr)
        return []
    command = [str(python), str(FOREIGN), library, *map(str, files)]
    with tempfile.TemporaryFile() as said:
        try:
            subprocess.run(command, stdout=said, stderr=subprocess.DEVNULL, check=True, timeout=PATIENCE)
        except subprocess.SubprocessError as error:
            print(f"{library}: {error}", file=sys.stderr)
        said.seek(0)
        told = [json.loads(line) for line in said.read().splitlines()]
    print(f"{library}: {told}", file=sys.stderr)
    return told
