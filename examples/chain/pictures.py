"""Handwritten digits: a picture becomes eight numbers, those become probabilities, and those a decision.

Real digits (`sklearn.datasets.load_digits`), moved and blurred a little so that no two are the same. Version
2 of `embed` is better by its own measure, the error with which the picture can be drawn again from its
numbers. The next model was trained on the numbers of version 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

Matrix = NDArray[np.float64]
Model = Callable[[list[list[Any]]], dict[str, list[list[Any]]]]

TRAINING = 1200
SIZE = 8


def digits() -> tuple[Matrix, NDArray[np.int64]]:
    pictures, labels = load_digits(return_X_y=True)
    return pictures / 16.0, labels


def noisy(pictures: Matrix, random: np.random.Generator) -> Matrix:
    """The same pictures as a camera has them."""
    seen: Matrix = np.clip(
        pictures * random.uniform(0.9, 1.1) + 0.05 * random.normal(size=pictures.shape), 0, 1.2
    )
    return seen


class Embed:
    """Pictures as eight numbers: version 1 averages eighths of a picture, version 2 has principal axes."""

    def __init__(self, version: int) -> None:
        pictures = digits()[0][:TRAINING]
        self._mean = pictures.mean(axis=0)
        if version == 1:
            blocks = np.zeros((64, SIZE))
            # Halves of rows of two: what was done before anybody thought of learning it.
            for pixel in range(64):
                blocks[pixel, pixel // 8 // 2 * 2 + pixel % 8 // 4] = 1.0 / 8.0
            self._axes = blocks
        else:
            self._axes = PCA(SIZE, random_state=0).fit(pictures).components_.T

    def __call__(self, rows: list[list[Any]]) -> dict[str, list[list[Any]]]:
        return {"embedding": ((np.array(rows) - self._mean) @ self._axes).tolist()}

    def error(self) -> float:
        """Root mean squared error of pictures drawn again from their numbers, of those it was not made of."""
        fresh = digits()[0][TRAINING:] - self._mean
        drawn = fresh @ self._axes @ np.linalg.pinv(self._axes)
        return float(np.sqrt(np.square(fresh - drawn).mean()))


class Classify:
    """Which digit it is, as ten probabilities."""

    def __init__(self) -> None:
        pictures, labels = digits()
        seen = noisy(pictures[:TRAINING], np.random.default_rng(1))
        embedded = np.array(Embed(1)(seen.tolist())["embedding"])
        self._model = make_pipeline(
            StandardScaler(), PolynomialFeatures(2), LogisticRegression(C=0.5, max_iter=300)
        ).fit(embedded, labels[:TRAINING])

    def __call__(self, rows: list[list[Any]]) -> dict[str, list[list[Any]]]:
        return {"digits": self._model.predict_proba(np.array(rows)).tolist()}


class Route:
    """Whether a machine may go on with it: odd or even, and how surely."""

    def __init__(self) -> None:
        pictures, labels = digits()
        seen = noisy(pictures[:TRAINING], np.random.default_rng(2))
        told = Classify()(Embed(1)(seen.tolist())["embedding"])["digits"]
        self._model = LogisticRegression(max_iter=300).fit(np.array(told), labels[:TRAINING] % 2)

    def __call__(self, rows: list[list[Any]]) -> dict[str, list[list[Any]]]:
        sure = self._model.predict_proba(np.array(rows))[:, 1]
        return {"way": [["odd" if one > 0.5 else "even"] for one in sure], "odd": sure[:, None].tolist()}


NAMES = ("embed", "classify", "route")


def model(name: str, version: int) -> Model:
    """One of the three models."""
    return {"embed": lambda: Embed(version), "classify": Classify, "route": Route}[name]()


def asked(count: int, seed: int) -> tuple[list[list[Any]], Sequence[str]]:
    """Pictures, a row each, and the way that each should go."""
    random = np.random.default_rng(seed)
    pictures, labels = digits()
    chosen = random.integers(len(labels), size=count)
    seen = noisy(pictures[chosen], random)
    return seen.tolist(), ["odd" if label % 2 else "even" for label in labels[chosen]]


def measures() -> tuple[str, float, float]:
    """How `embed` is measured by those who make it, and what versions 1 and 2 reach."""
    return "error of pictures drawn again", Embed(1).error(), Embed(2).error()
