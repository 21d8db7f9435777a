"""Every detector of PyOD alone: how it's asked for scores under the protocol, or why it can't be.

Compiled ones score all test rows from up to 10,000 training rows. Those of the worker are fitted on as many
rows as the product gives them, or fewer where that takes minutes, and score 300 test rows of each kind. Those
that compare rows of one batch have no score for a row alone and so no place in the product; here they get a
batch of test rows, which is how their papers use them.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.auroc.protocol import Split, auroc, batch, few
from sidecar.baseline.catalogue import CATALOGUE
from sidecar.baseline.fitting import ALL, APART, RECIPES, TORCH, fit_detector, quiet
from sidecar.baseline.uncompiled import Uncompiled
from sidecar.errors import DataError, UsageError
from sidecar.exchange import Matrix
from sidecar.scoring.detector import Scores
from sidecar.scoring.detectors import DETECTORS
from sidecar.wanted import read

FEW = 300
"""Test rows of each kind that detectors of the worker score at most."""

FEWER = {"anogan": 200, "lunar": 1_000}
"""Training rows of what takes minutes on as many as the product gives it."""

TOGETHER = {"lscp": "lscp(detector_list=[lof(), lof(n_neighbors=15)])"}
"""What is asked of a detector that must be told what it is made of."""


class Batchwise(NamedTuple):
    """A detector that compares rows of one batch. `rows`: to fit on and to score at most."""

    module: str
    name: str
    rows: int
    parameters: dict[str, Any]


BATCHWISE = {
    "ae1svm": Batchwise("pyod.models.ae1svm", "AE1SVM", 1_000, {}),
    "cd": Batchwise("pyod.models.cd", "CD", 2_000, {}),
    "cof": Batchwise("pyod.models.cof", "COF", 1_000, {}),
    "dif": Batchwise("pyod.models.dif", "DIF", 1_000, {"random_state": 0}),
    "lmdd": Batchwise("pyod.models.lmdd", "LMDD", 500, {"random_state": 0}),
    "loci": Batchwise("pyod.models.loci", "LOCI", 100, {}),
    "rgraph": Batchwise("pyod.models.rgraph", "RGraph", 100, {"verbose": False}),
    "rod": Batchwise("pyod.models.rod", "ROD", 200, {}),
    "sod": Batchwise("pyod.models.sod", "SOD", 300, {}),
    "sos": Batchwise("pyod.models.sos", "SOS", 300, {}),
}

NETWORKS = ("ae1svm", "dif")
"""Of these, those that need PyTorch."""

ODD_ROWS = {"ae1svm": 32}
"""PyOD's AE1SVM fails under NumPy 2.4 where the last of its batches of 32 has one row: that's left out."""

ONE_COLUMN = "mad"


def names() -> list[str]:
    """Every detector that has a figure, compiled ones first, then those of the worker and of batches."""
    return [*(name for name in RECIPES if name != ONE_COLUMN), *apart(), *BATCHWISE]


def apart() -> list[str]:
    """Those of the worker."""
    return [TOGETHER.get(name, name) for name in APART]


def compiled(name: str) -> bool:
    return read(name)[0].detector in DETECTORS


def here(name: str) -> bool:
    """Whether the packages that it needs are installed."""
    recipe = ALL.get(read(name)[0].detector)
    needs = recipe.needs if recipe is not None else TORCH if name in NETWORKS else ()
    return all(importlib.util.find_spec(package) is not None for package in needs)


class Row(NamedTuple):
    """What one detector of PyOD has in the table: figures under labels, or a reason."""

    pyod: str
    labels: tuple[str, ...]
    reason: str


def rows() -> Iterator[Row]:
    """A row for each of PyOD's detectors."""
    for pyod, entry in CATALOGUE.items():
        own = pyod.lower()
        if own == ONE_COLUMN:
            yield Row(pyod, (), "takes one column only, and none of the sets has just one")
        elif entry.names:
            yield Row(pyod, tuple(TOGETHER.get(name, name) for name in entry.names), "")
        elif own in BATCHWISE:
            yield Row(pyod, (own,), "")
        else:
            yield Row(pyod, (), entry.remark)


def measured(name: str, part: Split, seed: int, whole: bool = False) -> float:
    """The AUROC of a single detector. `whole`: the worker's, too, get every row to fit on and to score. That
    changes a table of this process, so it's for one that ends then."""
    if whole and (detector := read(name)[0].detector) in APART:
        ALL[detector] = APART[detector]._replace(rows=None)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # networks tell how they learn
        rows, found = _scored(name, part, seed, whole)
    return auroc(part.outlier[rows], found)


def _scored(name: str, part: Split, seed: int, whole: bool) -> tuple[NDArray[np.intp], Scores | None]:
    """Which test rows were asked about, and their scores."""
    if name in BATCHWISE:
        asked, train = batch(part, BATCHWISE[name].rows, seed), part.train[: BATCHWISE[name].rows]
        if (size := ODD_ROWS.get(name)) is not None:
            train = train[: -1 if len(train) % size == 1 else None]
            asked = asked[(1 if len(asked) % size == 1 else 0) :]
        return asked, _together(BATCHWISE[name], train, part.test[asked])
    detector = read(name)[0].detector
    if detector in DETECTORS or whole:
        return np.arange(len(part.test)), scores(name, part.train, part.test, seed)
    asked, train = few(part, FEW), part.train[: FEWER.get(detector)]
    return asked, scores(name, train, part.test[asked], seed)


def _together(asked: Batchwise, train: Matrix, rows: Matrix) -> Scores | None:
    kind = getattr(importlib.import_module(asked.module), asked.name)
    try:
        with quiet():
            np.random.seed(0)
            _settle_networks()
            found = kind(**asked.parameters).fit(train).decision_function(rows)
    except Exception as error:
        _tell(asked.name, error)
        return None
    return np.asarray(found, dtype=np.float64)


def _settle_networks() -> None:
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)


def scores(name: str, train: Matrix, rows: Matrix, seed: int) -> Scores | None:
    """None where PyOD cannot fit or score."""
    try:
        model = fit_detector(read(name)[0], train, seed)
    except (DataError, UsageError) as error:
        _tell(name, error)
        return None
    if name in DETECTORS:
        return DETECTORS[name].from_pyod(model).score_many(rows)
    try:
        return Uncompiled(model, alone=False).score_many(rows)
    except Exception as error:  # LSCP, where detectors agree so well that a histogram has no width
        _tell(name, error)
        return None


def _tell(name: str, error: Exception) -> None:
    print(f"{name}: PyOD cannot: {error}", file=sys.__stderr__)


def prepare() -> None:
    """Import what takes long, once. PyTorch keeps to one thread: others use the machine, too."""
    for name in names():
        if here(name):
            found = ALL.get(read(name)[0].detector) or BATCHWISE[name]
            importlib.import_module(found.module)
    if "torch" in sys.modules:
        importlib.import_module("torch").set_num_threads(1)
        importlib.import_module("torch._dynamo")


def rows_fitted(label: str) -> int:
    """Training rows at most."""
    detector = read(label)[0].detector
    if detector in BATCHWISE:
        return BATCHWISE[detector].rows
    return min(FEWER.get(detector, 10_000), ALL[detector].rows or 10_000)


def directory(path: Path) -> list[Path]:
    """The sets of a directory."""
    return sorted(path.glob("*.npz"))
