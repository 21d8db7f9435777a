"""The PyOD detectors that can be fitted, by the name they have in settings, headers and artifacts.

Counterpart: `sidecar.scoring.detectors`, the same names with their compiled forms.
"""

from __future__ import annotations

import difflib
import importlib
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sidecar.errors import DataError, UsageError
from sidecar.exchange import Matrix


class Recipe(NamedTuple):
    """Where a detector is in PyOD and how it is made. `seeded`: it draws random numbers."""

    module: str
    name: str
    seeded: bool = False
    parameters: tuple[tuple[str, Any], ...] = ()
    """What differs from PyOD's defaults."""
    rows: int | None = None
    """Fitted on so many rows at most: the first, which are as random as any."""


EXACT = (("algorithm", "kd_tree"),)
"""For many columns scikit-learn would choose `brute`, whose distances lose digits, and with it the score."""

RECIPES: dict[str, Recipe] = {
    "ecod": Recipe("pyod.models.ecod", "ECOD"),
    "iforest": Recipe("pyod.models.iforest", "IForest", seeded=True),
    "copod": Recipe("pyod.models.copod", "COPOD"),
    "hbos": Recipe("pyod.models.hbos", "HBOS"),
    "pca": Recipe("pyod.models.pca", "PCA", seeded=True),
    "knn": Recipe("pyod.models.knn", "KNN", parameters=EXACT),
    "knn-500": Recipe("pyod.models.knn", "KNN", parameters=EXACT, rows=500),
    "knn-mean": Recipe("pyod.models.knn", "KNN", parameters=(*EXACT, ("method", "mean"))),
    "knn-median": Recipe("pyod.models.knn", "KNN", parameters=(*EXACT, ("method", "median"))),
    "lof": Recipe("pyod.models.lof", "LOF", parameters=EXACT),
    "mcd": Recipe("pyod.models.mcd", "MCD", seeded=True),
    "gmm": Recipe("pyod.models.gmm", "GMM", seeded=True),
    "sampling": Recipe("pyod.models.sampling", "Sampling", seeded=True),
    "loda": Recipe("pyod.models.loda", "LODA", seeded=True),
    "inne": Recipe("pyod.models.inne", "INNE", seeded=True),
    "ocsvm": Recipe("pyod.models.ocsvm", "OCSVM"),
    "cblof": Recipe("pyod.models.cblof", "CBLOF", seeded=True),
    "qmcd": Recipe("pyod.models.qmcd", "QMCD"),
    "mad": Recipe("pyod.models.mad", "MAD"),
}


def check_names(names: Sequence[str]) -> None:
    """Raises UsageError for a detector that cannot be fitted, with the nearest that can."""
    if not names:
        raise UsageError(f"no detectors; choose from {', '.join(RECIPES)}")
    for name in names:
        if name not in RECIPES:
            near = difflib.get_close_matches(name, RECIPES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(RECIPES)}"
            raise UsageError(f'no detector "{name}"; {hint}')
    if len(set(names)) < len(names):
        raise UsageError("a detector is named twice")


def fit_detector(name: str, matrix: Matrix, seed: int) -> Any:
    """The PyOD detector `name` fitted on `matrix`, (rows, columns). Raises DataError when PyOD cannot."""
    recipe = RECIPES[name]
    parameters = dict(recipe.parameters)
    if recipe.seeded:
        parameters["random_state"] = seed
    with quiet():
        model = getattr(importlib.import_module(recipe.module), recipe.name)(**parameters)
        try:
            model.fit(np.ascontiguousarray(matrix[: recipe.rows]))
        except Exception as error:
            raise DataError(f"PyOD's {recipe.name} cannot be fitted on this data: {error}") from error
    if not np.isfinite(model.decision_scores_).all():
        raise DataError(f"PyOD's {recipe.name} has no finite score for some of the rows it was fitted on")
    return model


def parameters(model: Any) -> dict[str, Any]:
    """The parameters of a PyOD model that a manifest can hold."""
    plain = str | int | float | bool | None
    return {key: value for key, value in model.get_params().items() if isinstance(value, plain)}


class quiet(warnings.catch_warnings):  # noqa: N801  used like a keyword: `with quiet():`
    """Silence what PyOD's libraries say of constant columns and overflow: both are handled here."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
