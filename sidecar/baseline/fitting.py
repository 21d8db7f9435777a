"""The PyOD detectors that can be fitted, by the name they have in settings, headers and artifacts.

Counterparts: `sidecar.scoring.detectors`, the names of the first table with their compiled forms;
`sidecar.baseline.worker`, where those of the second are scored.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import io
import random
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import numpy as np

from sidecar.errors import DataError, UsageError
from sidecar.exchange import Matrix
from sidecar.wanted import Wanted, read


class Recipe(NamedTuple):
    """Where a detector is in PyOD and how it is made."""

    module: str
    name: str
    parameters: tuple[tuple[str, Any], ...] = ()
    """What differs from PyOD's defaults."""
    rows: int | None = None
    """Fitted on so many rows at most: the first, which are as random as any."""
    needs: tuple[str, ...] = ()
    """Packages that PyOD imports for it, and that aren't brought along."""


NOT_YOURS = ("n_jobs", "novelty", "device", "use_gpu", "n_features", "self")
"""Parameters that are not for people to set: the worker is one process, and scores new rows; how many columns
there are the rows say."""

EXACT = (("algorithm", "kd_tree"),)
"""For many columns scikit-learn would choose `brute`, whose distances lose digits, and with it the score."""

RECIPES: dict[str, Recipe] = {
    "ecod": Recipe("pyod.models.ecod", "ECOD"),
    "iforest": Recipe("pyod.models.iforest", "IForest"),
    "copod": Recipe("pyod.models.copod", "COPOD"),
    "hbos": Recipe("pyod.models.hbos", "HBOS"),
    "pca": Recipe("pyod.models.pca", "PCA"),
    "knn": Recipe("pyod.models.knn", "KNN", parameters=EXACT),
    "knn-500": Recipe("pyod.models.knn", "KNN", parameters=EXACT, rows=500),
    "knn-mean": Recipe("pyod.models.knn", "KNN", parameters=(*EXACT, ("method", "mean"))),
    "knn-median": Recipe("pyod.models.knn", "KNN", parameters=(*EXACT, ("method", "median"))),
    "lof": Recipe("pyod.models.lof", "LOF", parameters=EXACT),
    "mcd": Recipe("pyod.models.mcd", "MCD"),
    "gmm": Recipe("pyod.models.gmm", "GMM"),
    "sampling": Recipe("pyod.models.sampling", "Sampling"),
    "loda": Recipe("pyod.models.loda", "LODA"),
    "inne": Recipe("pyod.models.inne", "INNE"),
    "ocsvm": Recipe("pyod.models.ocsvm", "OCSVM"),
    "cblof": Recipe("pyod.models.cblof", "CBLOF"),
    "qmcd": Recipe("pyod.models.qmcd", "QMCD"),
    "mad": Recipe("pyod.models.mad", "MAD"),
}

TORCH = ("torch",)

SILENT = (("verbose", 0),)

APART: dict[str, Recipe] = {
    "abod": Recipe("pyod.models.abod", "ABOD", rows=2_000),
    "featurebagging": Recipe("pyod.models.feature_bagging", "FeatureBagging", rows=2_000),
    "hdbscan": Recipe("pyod.models.hdbscan", "HDBSCAN", rows=2_000),
    "kde": Recipe("pyod.models.kde", "KDE", rows=2_000),
    "kpca": Recipe("pyod.models.kpca", "KPCA", rows=500),
    "lscp": Recipe("pyod.models.lscp", "LSCP", rows=1_000),
    "suod": Recipe("pyod.models.suod", "SUOD", rows=2_000, parameters=(("verbose", False),), needs=("suod",)),
    "alad": Recipe("pyod.models.alad", "ALAD", rows=2_000, needs=TORCH),
    "anogan": Recipe("pyod.models.anogan", "AnoGAN", rows=500, needs=TORCH),
    "autoencoder": Recipe("pyod.models.auto_encoder", "AutoEncoder", SILENT, 2_000, (*TORCH, "tqdm")),
    "deepsvdd": Recipe("pyod.models.deep_svdd", "DeepSVDD", SILENT, 2_000, TORCH),
    "lunar": Recipe("pyod.models.lunar", "LUNAR", rows=2_000, needs=TORCH),
    "mo_gaal": Recipe("pyod.models.mo_gaal", "MO_GAAL", rows=2_000, needs=TORCH),
    "so_gaal": Recipe("pyod.models.so_gaal", "SO_GAAL", rows=2_000, needs=TORCH),
    "vae": Recipe("pyod.models.vae", "VAE", SILENT, 2_000, (*TORCH, "tqdm")),
}
"""Detectors without a compiled form, which PyOD scores in its worker. They're fitted again each time that it
starts, and asked row by row, so they get fewer rows: as many as take PyOD seconds, not minutes."""

ALL = {**RECIPES, **APART}

APART_ROWS = 2_000
"""Of a detector that could be compiled with other parameters."""


def check(detectors: Sequence[Wanted]) -> None:
    """Raises UsageError for a detector that cannot be fitted, with the nearest that can."""
    if not detectors:
        raise UsageError(f"no detectors; choose from {', '.join(RECIPES)}")
    for wanted in detectors:
        recipe = _recipe(wanted)
        if lacking := [name for name in recipe.needs if importlib.util.find_spec(name) is None]:
            what = f"package{'s' if len(lacking) > 1 else ''} {' and '.join(lacking)}"
            raise UsageError(f"detector {wanted.detector} needs the {what}; install it first")
        inner = [one for value in wanted.parameters.values() for one in _inner(value)]
        if inner:
            check(inner)


def check_learning(detectors: str) -> bool:
    """Whether PyOD's worker may be needed for a baseline of these. Raises UsageError as `check` does."""
    found = read(detectors)
    check(found)
    return any(wanted.detector in APART or wanted.parameters for wanted in found)


def fit_detector(wanted: Wanted | str, matrix: Matrix, seed: int) -> Any:
    """The PyOD detector `wanted` fitted on `matrix`, (rows, columns). Raises DataError when PyOD cannot, and
    UsageError for parameters that it doesn't have."""
    if isinstance(wanted, str):
        wanted = Wanted(wanted, wanted, {})
    recipe = _recipe(wanted)
    with quiet():
        model = _made(wanted, matrix.shape[1], seed)
        _settle_chance(seed)
        try:
            with redirect_stdout(_Nowhere()):  # some print how they learn
                model.fit(np.ascontiguousarray(matrix[: recipe.rows]))
        except Exception as error:
            raise DataError(f"PyOD's {recipe.name} cannot be fitted on this data: {error}") from error
    if not np.isfinite(model.decision_scores_).all():
        raise DataError(f"PyOD's {recipe.name} has no finite score for some of the rows it was fitted on")
    return model


def _recipe(wanted: Wanted) -> Recipe:
    if wanted.detector not in ALL:
        near = difflib.get_close_matches(wanted.detector, ALL, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(ALL)}"
        raise UsageError(f'no detector "{wanted.detector}"; {hint}')
    return ALL[wanted.detector]


def _made(wanted: Wanted, columns: int, seed: int) -> Any:
    """The PyOD detector for so many columns, not fitted yet."""
    recipe = _recipe(wanted)
    parameters = {**dict(recipe.parameters), **wanted.parameters}
    kind = getattr(importlib.import_module(recipe.module), recipe.name)
    taken = inspect.signature(kind).parameters
    known = [key for key in taken if key not in NOT_YOURS]
    for key in wanted.parameters:
        if key not in known:
            raise UsageError(
                f"PyOD's {recipe.name} has no parameter {key!r} to set; it has {', '.join(known)}"
            )
    if "random_state" in known:
        parameters.setdefault("random_state", seed)
    if "n_features" in taken:
        parameters["n_features"] = columns
    try:
        return kind(**{key: _plain(value, columns, seed) for key, value in parameters.items()})
    except (TypeError, ValueError) as error:
        raise UsageError(f"PyOD's {recipe.name} does not take {wanted.text}: {error}") from error


def _inner(value: Any) -> list[Wanted]:
    """The detectors in a parameter's value."""
    if isinstance(value, Wanted):
        return [value]
    return [inner for one in value for inner in _inner(one)] if isinstance(value, list) else []


def _plain(value: Any, columns: int, seed: int) -> Any:
    if isinstance(value, Wanted):
        return _made(value, columns, seed)
    return [_plain(one, columns, seed) for one in value] if isinstance(value, list) else value


def _settle_chance(seed: int) -> None:
    """For what takes its chances from a global generator, because PyOD gives it no other."""
    random.seed(seed)
    np.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)
        torch.set_num_threads(1)  # sums come out the same on any number of cores, and those are the model's


def parameters(model: Any) -> dict[str, Any]:
    """The parameters of a PyOD model that a manifest can hold."""
    plain = str | int | float | bool | None
    return {key: value for key, value in model.get_params().items() if isinstance(value, plain)}


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


class quiet(warnings.catch_warnings):  # noqa: N801  used like a keyword: `with quiet():`
    """Silence what PyOD's libraries say of constant columns and overflow: both are handled here."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
