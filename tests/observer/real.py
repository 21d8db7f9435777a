"""Real rows for the observer's tests: handwritten digits (ADBench's pendigits), 16 numbers in each row."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sidecar.baseline.fit import fit
from sidecar.baseline.reference import describe
from sidecar.features import Field, Schema
from sidecar.observer.axes import Fields
from sidecar.scoring.baseline import Baseline

Rows = np.ndarray[Any, Any]

DATA = Path(__file__).parent.parent / "data" / "adbench" / "28_pendigits.npz"

NAMES = tuple(f"{axis}{point}" for point in range(1, 9) for axis in "xy")


@cache
def digits() -> Rows:
    """The clean rows, shuffled."""
    with np.load(DATA) as arrays:
        clean = arrays["X"][arrays["y"] == 0]
    return np.random.default_rng(7).permutation(clean)


def draw(rows: int, seed: int) -> Rows:
    """Independent draws from the digits, so that reference and stream have exactly the same law."""
    return digits()[np.random.default_rng(seed).integers(len(digits()), size=rows)]


def reference(rows: Rows) -> Fields:
    """Rows as a reference, as `sidecar fit` describes it."""
    return describe(rows, Schema(tuple(Field(name, "number") for name in NAMES)))


def fitted(rows: Rows, folder: Path) -> Baseline:
    """A baseline that `sidecar fit` makes of the rows."""
    data = folder / "rows.csv"
    np.savetxt(data, rows, delimiter=",", header=",".join(NAMES), comments="", fmt="%.17g")
    return fit(data, folder / "baseline", ["ecod"]).baseline
