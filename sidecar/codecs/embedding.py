"""What windows keep of an embedding: its length, and where it points, in eight numbers.

An embedding has hundreds of numbers, none of which means anything alone. Its norm does, and so do the cosines
with a few fixed directions: random ones, the same for every pod and every run. When embeddings turn as a
whole (another model, another language, another field), the distribution of some of these cosines moves, and
the windows of outputs tell it. Projections of this kind keep angles (Johnson and Lindenstrauss 1984); signs
in place of normal numbers do as well (Achlioptas 2003). Counterparts: `openai`; `sidecar.observer.headings`,
which compares embeddings with those of the first window.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.errors import Undecodable
from sidecar.exchange import Matrix, Tensor

DIRECTIONS = 8

LONGEST = 65_536
"""Numbers of one embedding."""


def matrix(vectors: list[Any]) -> Matrix:
    """Embeddings as they stand in an answer, lists of numbers or base64 of float32: (rows, numbers).

    Raises Undecodable `malformed-embedding` and `ragged-rows`.
    """
    rows = [_numbers(vector) for vector in vectors]
    if len({len(row) for row in rows}) != 1:
        raise Undecodable("ragged-rows")
    return np.array(rows, dtype=np.float64)


def measured(matrix: Matrix) -> tuple[Tensor, ...]:
    """Norm, and cosine with each direction, of every embedding; rounded, so that one embedding has one value,
    however it was coded and whatever stood beside it."""
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = matrix @ _directions(matrix.shape[1]) / norms[:, None]
    lengths = np.array([float(f"{norm:.5g}") for norm in norms.tolist()])
    named = {f"embedding direction {i + 1}": np.round(cosines[:, i], 6) for i in range(DIRECTIONS)}
    return tuple(Tensor(name, values) for name, values in {"embedding norm": lengths, **named}.items())


def _numbers(vector: Any) -> NDArray[Any]:
    try:
        if type(vector) is str:
            found = np.frombuffer(base64.b64decode(vector, validate=True), "<f4")
        elif type(vector) is list and set(map(type, vector)) <= {int, float}:
            found = np.array(vector, dtype=np.float64)
        else:
            raise Undecodable("malformed-embedding")
    except (ValueError, binascii.Error, OverflowError) as error:
        raise Undecodable("malformed-embedding") from error
    if not 0 < len(found) <= LONGEST:
        raise Undecodable("malformed-embedding")
    return found


@lru_cache(maxsize=8)
def _directions(size: int) -> NDArray[np.float64]:
    """Unit vectors with random signs, (size, DIRECTIONS)."""
    signs = np.random.default_rng(20_031_015).integers(0, 2, (size, DIRECTIONS)) * 2.0 - 1.0
    directions: NDArray[np.float64] = signs / np.sqrt(size)
    return directions
