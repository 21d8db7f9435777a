"""Do thresholds mean what they say? The share of clean rows flagged at 0.1, 0.01 and 0.001, on real and made
sets.

    python -m bench.calibration [--detectors ecod,knn-500] [--splits 5] [--sets tests/data/adbench]

Each set's clean rows are split in halves at random: one to fit and calibrate on, one to count on. A figure is
the mean over the splits, in brackets the least and the greatest; `promised` is where a single baseline with
so many held-out rows lies 19 times in 20, or `none` where the threshold is below its finest p-value. The last
line is 400,000 made rows, because no real set here has enough for 0.001.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from sidecar.baseline.command import DETECTORS
from sidecar.baseline.fit import fit
from sidecar.baseline.promise import THRESHOLDS, promise
from sidecar.exchange import Features, Matrix

REAL = ("23_mammography", "28_pendigits", "31_satimage-2", "32_shuttle", "38_thyroid")
MADE = "made"


def main() -> int:
    options = _arguments()
    print("| clean rows of | held out | " + " | ".join(f"{t:g} | promised" for t in THRESHOLDS) + " |")
    print("| --- | --- |" + " --- | --- |" * len(THRESHOLDS))
    for name in (*REAL, MADE):
        clean = _made() if name == MADE else _clean(options.sets / f"{name}.npz")
        found = [_flagged(clean, options.detectors, seed) for seed in range(options.splits)]
        held_out = found[0][0]
        cells = []
        for place, threshold in enumerate(THRESHOLDS):
            shares = [100 * shares[place] for _, shares in found]
            cells.append(f"{np.mean(shares):.3g} % ({min(shares):.3g} to {max(shares):.3g})")
            told = promise(threshold, held_out)
            wide = f"{told.least:.2%} to {told.most:.2%}" + ("" if told.close else " (wide)")
            cells.append(wide if told.most else "none")
        print(f"| {name.partition('_')[2] or name} | {held_out:,} | {' | '.join(cells)} |", flush=True)
    return 0


def _flagged(clean: Matrix, detectors: str, seed: int) -> tuple[int, list[float]]:
    """Held-out rows, and the share of unseen clean rows that each threshold flags."""
    shuffled = np.random.default_rng(seed).permutation(clean)
    known, unseen = np.split(shuffled, [len(clean) * 5 // 8 if len(clean) > 100_000 else len(clean) // 2])
    with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as home:
        np.savez(Path(home) / "rows.npz", X=known)
        baseline = fit(Path(home) / "rows.npz", Path(home) / "baseline", [detectors], seed=seed).baseline
    varying = [int(name.removeprefix("x")) for name in baseline.schema.columns]  # constants are left out
    unseen = np.ascontiguousarray(unseen[:, varying])
    p = np.concatenate([baseline.score(Features(part, part), 0.5).row_p for part in _parts(unseen)])
    return baseline.calibration_rows, [float((p <= threshold).mean()) for threshold in THRESHOLDS]


def _parts(rows: Matrix) -> list[Matrix]:
    return np.array_split(rows, max(1, len(rows) // 10_000))


def _clean(file: Path) -> Matrix:
    with np.load(file) as data:
        rows: Matrix = data["X"][data["y"] == 0].astype(np.float64)
    return rows


def _made() -> Matrix:
    """Rows of dependent, skewed numbers."""
    rng = np.random.default_rng(9)
    made: Matrix = rng.gamma(2.0, size=(400_000, 8)) @ (rng.normal(size=(8, 8)) / 8**0.5)
    return made


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detectors", default=DETECTORS)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--sets", type=Path, default=Path("tests/data/adbench"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
