"""A small baseline of real data, made once, that tests may copy and spoil."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from sidecar.baseline.fit import fit
from tests.scoring.sets import adbench

CARDIO = "6_cardio"


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="baselines-")


@cache
def cardio(*detectors: str) -> Path:
    """The directory of a baseline fitted on 1,000 clean rows of cardiotocography."""
    place = Path(folder().name)
    data = place / "cardio.npz"
    np.savez(data, X=adbench(CARDIO).clean[:1000])
    out = place / "-".join(detectors)
    fit(data, out, detectors, seed=0)
    return out
