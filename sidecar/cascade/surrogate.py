"""A stand-in for a model, fitted on rows of its past: what would it have answered, and how surely?

Kernel ridge regression, which is the mean of a Gaussian process (Rasmussen and Williams, "Gaussian Processes
for Machine Learning", 2006, 2.2 and 5.4.2): closed form, so it needs nothing but NumPy, and its
leave-one-out errors, by which width and noise are chosen, cost nothing extra. Counterpart:
`sidecar.cascade.conditional`, which looks at what it leaves unexplained.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sidecar.exchange import Matrix

ROWS = 400
"""Rows it is fitted on at most: the work grows with their cube, and more rows sharpen it little."""

WIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Widths of the kernel tried, in median distances between rows."""

NOISES = (1e-3, 1e-2, 0.1, 1.0)
"""Ridges tried, as shares of the kernel's variance."""


class Surrogate(NamedTuple):
    """Fitted: kernel centres, their weights for each output, and the width of the kernel."""

    centres: Matrix
    weights: Matrix
    mean: Matrix
    width: float

    def predict(self, inputs: Matrix) -> Matrix:
        """What the model would have answered, (rows, outputs)."""
        return self.mean + _kernel(squared_distances(inputs, self.centres), self.width) @ self.weights


def fit(inputs: Matrix, outputs: Matrix) -> Surrogate:
    """The surrogate that predicts left-out rows best. `inputs` in comparable units, (rows, columns)."""
    inputs, outputs = inputs[:ROWS], outputs[:ROWS]
    mean = outputs.mean(axis=0, keepdims=True)
    apart = squared_distances(inputs, inputs)
    typical = float(np.sqrt(np.median(apart[np.triu_indices(len(inputs), 1)]))) or 1.0
    best, found = np.inf, (np.zeros_like(outputs), typical)
    for share in WIDTHS:
        values, vectors = np.linalg.eigh(_kernel(apart, share * typical))
        turned = vectors.T @ (outputs - mean)
        for noise in NOISES:
            shrunk = 1.0 / (np.maximum(values, 0.0) + noise)
            weights = vectors @ (shrunk[:, None] * turned)
            # The error on a row left out is its weight over the diagonal of the inverse (5.12 there).
            errors = weights / np.einsum("ij,j,ij->i", vectors, shrunk, vectors)[:, None]
            loss = float(np.square(errors).mean())
            if loss < best:
                best, found = loss, (weights, share * typical)
    return Surrogate(inputs, found[0], mean, found[1])


def _kernel(squared: Matrix, width: float) -> Matrix:
    """A bump for what is near, and a broad one, so that slopes go on between the rows."""
    near: Matrix = np.exp(-0.5 * squared / width**2)
    broad: Matrix = 1.0 / np.sqrt(1.0 + squared / (5.0 * width) ** 2)
    return near + broad


def squared_distances(ours: Matrix, theirs: Matrix) -> Matrix:
    """(rows of ours, rows of theirs)."""
    of_ours, of_theirs = np.square(ours).sum(axis=1), np.square(theirs).sum(axis=1)
    squared: Matrix = np.maximum(of_ours[:, None] + of_theirs[None] - 2.0 * ours @ theirs.T, 0.0)
    return squared
