"""The data: one Space Shuttle flight, cut at the moment when a model was shipped.

Whoever built the model had the first part of the flight, and tested it well. Then came the rest:
the ordinary state with its readings slowly moving, and states that had hardly been seen before.
That is the life of most models, and every row and label of it here is real. Counterpart:
`examples/server.py`, which trains the model on `Flight.train`. Source and licence: `examples/data/README.md`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
"""Shape (rows, 8): the readings in the order of `FEATURES`."""

FEATURES = ("s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9")
"""The eight readings a model gets. The first column of the published table, time, only cuts and orders."""

SHIPPED_AT = 45
"""Time up to which the model builder had data: 29,165 ordinary rows and 112 others."""

FILE = Path(__file__).parent / "data" / "shuttle.npz"


class Flight(NamedTuple):
    """The flight in parts that share no row."""

    train: Rows
    """Before shipping: what the model learns from."""

    train_labels: NDArray[np.int64]
    """1 where the radiator system was not in its ordinary state."""

    clean: Rows
    """Before shipping, ordinary, in random order: held out from the model and from the baseline."""

    outliers: Rows
    """After shipping, not ordinary, in random order: the true outliers, by the experts' labels."""

    drifted: Rows
    """After shipping, ordinary, in order of time: nothing is wrong with any row, but they move."""

    @property
    def reference(self) -> Rows:
        """The ordinary rows of `train`: what normal traffic looks like, for `sidecar fit`."""
        return np.ascontiguousarray(self.train[self.train_labels == 0])


@cache
def flight(train_rows: int = 12_000, seed: int = 0) -> Flight:
    """Read and cut the flight. The same arguments give the same parts."""
    with np.load(FILE, allow_pickle=False) as table:
        time, readings = table["X"][:, 0], table["X"][:, 1:].astype(np.float64)
        labels = table["y"].astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    time, readings, labels = time[order], readings[order], labels[order]

    before = np.flatnonzero(time <= SHIPPED_AT)
    train, held_out = before[:train_rows], before[train_rows:]
    after = time > SHIPPED_AT
    ordinary = np.flatnonzero(after & (labels == 0))
    return Flight(
        train=readings[train],
        train_labels=labels[train],
        clean=readings[held_out[labels[held_out] == 0]],
        outliers=readings[after & (labels == 1)],
        drifted=readings[ordinary[np.argsort(time[ordinary], kind="stable")]],
    )


def write_csv(rows: Rows, path: Path) -> None:
    """Write rows with a header line, as a data scientist would hand them to `sidecar fit`."""
    np.savetxt(path, rows, fmt="%g", delimiter=",", header=",".join(FEATURES), comments="")
