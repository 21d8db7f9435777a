"""Rows to replay: ADBench sets that the tests have, and elec where its file is given."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from sidecar.baseline.reference import describe
from sidecar.exchange import Matrix
from sidecar.features import Field, Schema
from sidecar.observer.axes import Fields

SETS = Path(__file__).parent.parent.parent / "tests" / "data" / "adbench"
STATIONARY = ("6_cardio", "23_mammography", "28_pendigits", "31_satimage-2", "32_shuttle")
CAR_LOAN = ("car_value", "debt_to_income_ratio", "loan_length", "driver_tenure")
REFERENCE = 2_000
"""Rows that a reference is made of."""


def adbench(name: str) -> Matrix:
    """The clean rows of a set, shuffled."""
    with np.load(SETS / f"{name}.npz") as file:
        clean: Matrix = file["X"][file["y"] == 0].astype(np.float64)
    return np.random.default_rng(0).permutation(clean)


def elec(file: Path) -> Matrix:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows: Matrix = np.genfromtxt(lines, delimiter=",", skip_header=1)
    return rows[:, :-1]  # the last one is the class


def car_loan(file: Path) -> Matrix:
    """The numbers of NannyML's car loans, the reference half: what drifts is in the other one."""
    with file.open(encoding="utf-8") as lines:
        names = lines.readline().strip().split(",")
        wanted = [names.index(name) for name in CAR_LOAN]
        rows: Matrix = np.genfromtxt(lines, delimiter=",", usecols=wanted)
    return rows[np.isfinite(rows).all(axis=1)]


def fifty() -> Matrix:
    """Fifty real features: those of two sets side by side, their rows drawn apart."""
    random = np.random.default_rng(5)
    sets = [draw(adbench(name), 6_000, random) for name in ("31_satimage-2", "28_pendigits")]
    both: Matrix = np.hstack(sets)[:, :50]
    return both


def draw(pool: Matrix, rows: int, random: np.random.Generator) -> Matrix:
    """Independent draws, so that reference and stream have exactly the same law."""
    drawn: Matrix = pool[random.integers(len(pool), size=rows)]
    return drawn


def reference(rows: Matrix) -> Fields:
    return describe(rows, Schema(tuple(Field(f"f{i}", "number") for i in range(rows.shape[1]))))
