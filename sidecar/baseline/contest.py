"""Scores the same rows with two baselines, in a short-lived process of the observer's.

    python -m sidecar.baseline.contest CHAMPION CHALLENGER ROWS THRESHOLD ANSWER

ROWS are lines of JSON, a row's fields in each; ANSWER is the file that `sidecar.contest.read` reads.
Detectors that have no compiled form are fitted again here, as in PyOD's worker. Counterpart:
`sidecar.observer.refitting`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np

from sidecar.baseline import tables
from sidecar.baseline.learning_apart import laid_out
from sidecar.baseline.uncompiled import Uncompiled
from sidecar.baseline.worker import refitted
from sidecar.contest import Contest, Side
from sidecar.errors import SidecarError
from sidecar.exchange import Features, Matrix
from sidecar.features import Schema
from sidecar.scoring import artifact
from sidecar.scoring.apart import Connection
from sidecar.scoring.baseline import Baseline, assemble
from sidecar.scoring.detector import Scores


class Here(Connection):
    """PyOD's worker, in this process."""

    def __init__(self, detectors: dict[str, Uncompiled]) -> None:
        super().__init__(None, "", "")
        self._detectors = detectors

    def ask(self, detector: str, matrix: Matrix) -> Scores:
        return self._detectors[detector].score_many(matrix)


def load(directory: Path) -> Baseline:
    """The baseline, whole in this process. Raises SidecarError when it cannot be read."""
    manifest, arrays = artifact.read(directory)
    return assemble(str(directory), manifest, arrays, Here(refitted(directory, manifest.digest)))


def contest(champion: Path, challenger: Path, rows: Path, threshold: float, seed: int = 0) -> Contest:
    """Ask both about the rows, and about the same rows with each column shuffled."""
    table = tables.read(rows)
    order = np.random.default_rng(seed)
    shuffled = msgspec.structs.replace(
        table, columns={name: order.permutation(column) for name, column in table.columns.items()}
    )
    sides = [_side(load(directory), table, shuffled, threshold) for directory in (champion, challenger)]
    return Contest(threshold, table.rows, *sides)


def _side(baseline: Baseline, clean: tables.Table, shuffled: tables.Table, threshold: float) -> Side:
    flat = Schema(baseline.schema.fields)  # rows are fields, also of what was read as several
    by_clean, by_shuffled = (
        _flagged(baseline, laid_out(table, flat), threshold) for table in (clean, shuffled)
    )
    return Side(baseline.directory, baseline.digest, by_clean, by_shuffled, baseline.finest_p)


def _flagged(baseline: Baseline, features: Features, threshold: float) -> float:
    """The share of rows at or under the threshold; one that cannot be scored is not flagged."""
    p = np.array(baseline.score(features, threshold).row_p)
    return float((np.nan_to_num(p, nan=1.0) <= threshold).mean())


def main(arguments: list[str]) -> int:
    champion, challenger, rows, threshold, answer = arguments
    try:
        found = contest(Path(champion), Path(challenger), Path(rows), float(threshold))
    except SidecarError as error:
        print(error, file=sys.stderr)
        return 1
    Path(answer).write_bytes(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
