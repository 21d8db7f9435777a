"""What a compiled score costs, and whether it is PyOD's: a row for each detector, and the ensemble.

    python -m bench.scores [--detectors all|ecod,iforest] [--sets tests/data/adbench]
    python -m bench.scores --detectors all --kept costs.json      what is in the file isn't measured again
    python -m bench.scores --detectors all --kept costs.json --page > table.md

Equality: the largest relative difference from PyOD's `decision_function`, each row scored by PyOD alone, over
the sets. Time: fitted on 10,000 rows of 20 features; for one row, and for each row of a batch of 64; new rows
every time, the best of many blocks, in processor time, because the rest is what else the machine was doing.
PyOD's time is that of one row, the best of six blocks of four. The last line is the default ensemble, or
all that --detectors names, together with calibration and combination, as `Baseline.score` does it for a call,
compared with the sum of PyOD's times. A detector that PyOD cannot fit on a set, or on the rows
that time is taken with, is left out there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import process_time_ns
from typing import Any

import msgspec
import numpy as np

from sidecar.baseline.agreement import relative
from sidecar.baseline.command import DETECTORS as DEFAULT
from sidecar.baseline.fit import fit
from sidecar.baseline.fitting import RECIPES, check, fit_detector, quiet
from sidecar.errors import DataError
from sidecar.exchange import Features, Matrix
from sidecar.scoring.baseline import load
from sidecar.scoring.detectors import DETECTORS
from sidecar.wanted import read

ROWS, COLUMNS, BATCH = 10_000, 20, 64

COMPARED = 12
"""Rows of each set that are compared, half of them outliers."""

TARGETS = {
    "ecod": (20.0, None),
    "knn": (500.0, None),
    "lof": (500.0, None),
    "ensemble": (100.0, 10.0),
}
"""Microseconds for one row, and for a row of a batch, that were promised."""


class Cost(msgspec.Struct, frozen=True):
    """Microseconds of processor time."""

    one: float
    many: float
    """A row of a batch of 64."""
    pyod: float
    """One row."""


class Found(msgspec.Struct, frozen=True):
    """What was measured of one detector, or of the ensemble."""

    date: str
    difference: float
    sets: int
    """That PyOD could fit, and the difference is over."""
    cost: Cost | None
    """None where PyOD cannot fit on the rows that time is taken with."""


ENSEMBLE = "ensemble"


class Kept:
    """What was measured so far, in `file` if there is one."""

    def __init__(self, file: Path | None) -> None:
        self.found: dict[str, Found] = {}
        self._file = file
        if file is not None and file.exists():
            self.found = msgspec.json.decode(file.read_bytes(), type=dict[str, Found])

    def __call__(self, name: str, measure: Callable[[], Found]) -> Found:
        """What is known of `name`, measured unless it was."""
        if name not in self.found:
            self.found[name] = measure()
            if self._file is not None:
                self._file.write_bytes(msgspec.json.encode(self.found))
        return self.found[name]


def main() -> int:
    options = _arguments()
    everything = options.detectors == "all"
    names = [name for name in RECIPES if name != "mad"] if everything else options.detectors.split(",")
    ensemble = DEFAULT.split(",") if everything else names
    check(read(",".join(names)))
    files, kept = sorted(options.sets.glob("*.npz")), Kept(options.kept)
    line = _marked if options.page else _plain
    print(PAGE_HEAD if options.page else PLAIN_HEAD)
    costs = {}
    for name in names:
        found = kept(name, partial(_measured, name, files))
        print(line(name, found), flush=True)
        if found.cost is not None:
            costs[name] = found.cost
    pyod = sum(costs[name].pyod for name in ensemble)
    together = kept(ENSEMBLE, lambda: Found(_today(), 0.0, 0, _ensemble(ensemble, pyod)))
    assert together.cost is not None
    costs[ENSEMBLE] = together.cost
    print(line(f"{'+'.join(ensemble)}" if options.page else ENSEMBLE, together))
    missed = list(_missed(costs))
    if not options.page:
        print("\n".join(missed) if missed else "all targets are met")
    return 1 if missed else 0


def _measured(name: str, files: Sequence[Path]) -> Found:
    differences = [one for one in (_difference(name, file) for file in files) if one is not None]
    try:
        cost = _cost(name)
    except DataError:
        cost = None
    return Found(_today(), max(differences), len(differences), cost)


def _today() -> str:
    return time.strftime("%Y-%m-%d")


def _difference(name: str, file: Path) -> float | None:
    """None where PyOD cannot fit."""
    with np.load(file) as data:
        X, y = data["X"].astype(np.float64), data["y"]
    X = np.vstack((np.random.default_rng(0).permutation(X[y == 0]), X[y == 1]))
    train, rows = np.ascontiguousarray(X[:500]), X[-COMPARED // 2 :]
    rows = np.vstack((rows, X[500 : 500 + COMPARED // 2] if len(X) > 600 else train[: COMPARED // 2]))
    try:
        model = fit_detector(name, train, 0)
    except DataError:
        return None
    with quiet():
        expected = np.array([model.decision_function(row[None])[0] for row in rows])
    detector = DETECTORS[name].from_pyod(model)
    singly = np.array([detector.score(row) for row in rows])
    return max(
        relative(singly, expected), relative(detector.score_many(np.tile(rows, (4, 1))), np.tile(expected, 4))
    )


def _cost(name: str) -> Cost:
    model = fit_detector(name, _rows(ROWS, 0), 0)
    detector = DETECTORS[name].from_pyod(model)
    one = _best(lambda rows: [detector.score(row) for row in rows])
    many = _best(detector.score_many)
    with quiet():
        pyod = _best(lambda rows: [model.decision_function(row[None]) for row in rows], 4, blocks=6)
    return Cost(one, many, pyod)


def _ensemble(names: Sequence[str], pyod: float) -> Cost:
    with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as home:
        data, out = Path(home) / "rows.npz", Path(home) / "baseline"
        np.savez(data, X=_rows(2 * ROWS + 4_000, 0))
        summary = fit(data, out, names)
        assert summary.manifest.split.fit == ROWS, summary.manifest.split
        baseline = load(out)
    # A threshold that never flags: explaining outliers is for the few, and not what every row costs.
    one = _best(
        lambda rows: [baseline.score(Features(row[None], row[None], sound=True), 0.0) for row in rows]
    )
    many = _best(lambda rows: baseline.score(Features(rows, rows, sound=True), 0.0))
    return Cost(one, many, pyod)


def _best(score: Callable[[Matrix], Any], rows: int = BATCH, blocks: int = 60) -> float:
    """Microseconds a row, in the fastest of several blocks of rows not seen before."""
    times = []
    for block in range(blocks):
        fresh = _rows(rows, 1 + block)
        start = process_time_ns()
        score(fresh)
        times.append(process_time_ns() - start)
    return min(times[1:]) / rows / 1000


def _rows(count: int, seed: int) -> Matrix:
    """Rows of dependent, skewed numbers, with one integer column in four."""
    mixing = np.random.default_rng(99).normal(size=(COLUMNS, COLUMNS)) / COLUMNS**0.5
    rows: Matrix = np.random.default_rng(seed).gamma(2.0, size=(count, COLUMNS)) @ mixing
    rows[:, ::4] = rows[:, ::4].round(0)
    return rows


def _missed(costs: dict[str, Cost]) -> Iterator[str]:
    for name, (one, many) in TARGETS.items():
        if name in costs and costs[name].one > one:
            yield f"{name} is over its target of {one:g} us for one row"
        if name in costs and many is not None and costs[name].many > many:
            yield f"{name} is over its target of {many:g} us for a row of {BATCH}"


PLAIN_HEAD = (
    f"{'':10}{'largest':>12}{'1 row':>9}{'a row of 64':>13}{'PyOD, 1 row':>13}{'times as fast':>15}\n"
    f"{'':10}{'difference':>12}{'us':>9}{'us':>13}{'us':>13}{'(1 row)':>15}"
)

PAGE_HEAD = """\
| detector | largest difference | sets | 1 row, µs | a row of 64, µs | PyOD, µs | times as fast | measured |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def _plain(name: str, found: Found) -> str:
    difference = f"{found.difference:.1e}" if found.sets else ""
    cost = found.cost
    if cost is None:
        return f"{name:10}{difference:>12}  PyOD cannot fit it on the rows that time is taken with"
    times = f"{cost.one:9.1f}{cost.many:13.1f}{cost.pyod:13,.0f}{cost.pyod / cost.one:15,.0f}"
    return f"{name:10}{difference:>12}{times}"


def _marked(name: str, found: Found) -> str:
    """A line of the table in Markdown."""
    difference = f"{found.difference:.1e} | {found.sets}" if found.sets else " | "
    cost = found.cost
    if cost is None:
        times = "PyOD cannot fit it on these rows | | | "
    else:
        times = f"{cost.one:.1f} | {cost.many:.1f} | {cost.pyod:,.0f} | {cost.pyod / cost.one:,.0f}"
    return f"| `{name}` | {difference} | {times} | {found.date} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detectors", default=DEFAULT, help=f"comma-separated, of {', '.join(RECIPES)}")
    parser.add_argument("--sets", type=Path, default=Path("tests/data/adbench"))
    parser.add_argument("--kept", type=Path, help="a file of what was measured: that isn't measured again")
    parser.add_argument("--page", action="store_true", help="the table in Markdown")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
