"""Handwritten digits of scikit-learn with a margin like those of MNIST, a model of them, an attack on it.

Without a margin, at 8 x 8 pixels, they are all edge, and no noise can be told from them.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from sidecar.baseline.fit import fit

SIDE = 16
PIXELS = f"{SIDE}x{SIDE}"


class Digits(NamedTuple):
    """Pictures from 0 to 1, (rows, 256), and what they show."""

    pictures: np.ndarray
    labels: np.ndarray


@cache
def digits() -> Digits:
    pictures, labels = load_digits(return_X_y=True)
    margin = (SIDE - 8) // 2
    large = np.pad(pictures.reshape(-1, 8, 8) / 16.0, ((0, 0), (margin, margin), (margin, margin)))
    shuffled = np.random.default_rng(0).permutation(len(labels))
    return Digits(large.reshape(-1, SIDE * SIDE)[shuffled], labels[shuffled])


TRAIN, CLEAN, FRESH = slice(0, 500), slice(500, 1400), slice(1400, None)
"""Rows for the model, for the baseline, and for what comes then."""


@cache
def model() -> LogisticRegression:
    pictures, labels = digits()
    return LogisticRegression(C=0.05, max_iter=300).fit(pictures[TRAIN], labels[TRAIN])


def fgsm(epsilon: float, rows: slice = FRESH) -> np.ndarray:
    """Those pictures with each pixel moved by epsilon so that the loss grows, as far as the model is fooled.

    Goodfellow, Shlens and Szegedy 2015, "Explaining and harnessing adversarial examples"."""
    pictures, labels = (part[rows] for part in digits())
    wrong = model().predict_proba(pictures)
    wrong[np.arange(len(labels)), labels] -= 1.0
    made = np.clip(pictures + epsilon * np.sign(wrong @ model().coef_), 0.0, 1.0)
    fooled: np.ndarray = made[model().predict(made) != labels]
    return fooled


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="digits-")


def clean_file() -> Path:
    """The rows that baselines are fitted on."""
    file = Path(_folder().name) / "digits.npz"
    if not file.exists():
        np.savez(file, X=digits().pictures[CLEAN])
    return file


@cache
def baseline() -> Path:
    """The directory of a baseline that knows that digits are pictures."""
    out = Path(_folder().name) / "baseline"
    fit(clean_file(), out, ["hbos"], pixels=PIXELS)
    return out
