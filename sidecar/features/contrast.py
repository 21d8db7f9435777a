"""Two answers to one question, side by side: in which rows a column differs.

Used where models are compared: call by call (`sidecar.proxy.shadowing`) and over a capture
(`sidecar.replay`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sidecar.features.cells import label
from sidecar.features.columns import Column


def are_numbers(before: Column, now: Column) -> bool:
    """Whether both are columns of numbers, so that they can differ by an amount."""
    return before.dtype.kind in "fiu" and now.dtype.kind in "fiu"


def differs(before: Column, now: Column, tolerance: float) -> NDArray[np.bool_]:
    """Which rows differ, shape (rows,). Numbers that differ by less than `tolerance` of their size are equal,
    and so are two that are missing; what is no number is compared as a label."""
    if are_numbers(before, now):
        old, new = before.astype(np.float64), now.astype(np.float64)
        with np.errstate(invalid="ignore"):  # infinite less infinite
            apart = np.abs(new - old)
        near = np.isfinite(apart) & (apart <= tolerance * np.maximum(1.0, np.abs(old)))
        differing: NDArray[np.bool_] = ~near & ~(np.isnan(old) & np.isnan(new)) & (old != new)
        return differing
    pairs = zip(before.tolist(), now.tolist(), strict=True)
    return np.array([label(a) != label(b) for a, b in pairs], dtype=np.bool_)
