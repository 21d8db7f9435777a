"""Measures the noise of clean pictures, when a baseline is fitted with `--pixels`.

Counterpart: `sidecar.defence.noise`, which says what is measured, and compares.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sidecar.baseline import worn
from sidecar.baseline.split import Parts
from sidecar.defence.noise import PREFIX, Noise, measures
from sidecar.defence.pixels import Layout, shades
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.features import Schema
from sidecar.scoring.calibration import Conformal
from sidecar.scoring.detector import Arrays, Floats

STANDARD_ROWS = 4_000
"""Clean pictures at most that measures are compared with. They needn't be spared for the detectors."""

CALIBRATION_ROWS = 19_999
"""Clean pictures at most that p-values are counted from, so that a fit takes some seconds for it."""


TOGETHER = 500
"""Pictures that are measured at a time."""


def check(layout: Layout, schema: Schema, file: Path) -> None:
    """Raises DataError unless all fields of `schema` are numbers, and as many as the pixels."""
    fields = schema.fields
    strange = next((field.name for field in fields if field.kind not in ("number", "constant")), None)
    strange = strange or next((field.name for field in fields if field.categories), None)
    if schema.readings or strange is not None:
        name = schema.readings[0].column if schema.readings else strange
        raise DataError(f"{file}: column {name!r} holds no numbers, so it cannot be a pixel of {layout}")
    if len(fields) != layout.values:
        raise DataError(
            f"{file}: {layout} is {layout.values} pixels, and there are {len(fields)} columns;"
            " --ignore those that are none"
        )


def fit(layout: Layout, values: Matrix, parts: Parts, weights: Floats | None) -> Arrays:
    """The arrays of `sidecar.defence.noise` from laid out rows; `weights`: of the calibration rows."""
    standard = np.concatenate((parts.standard, parts.fit))[:STANDARD_ROWS]
    shade = shades(values)
    measured = _most(layout, values[standard], shade)
    rows = parts.calibration if weights is not None else parts.calibration[:CALIBRATION_ROWS]
    noise = Noise(layout, measured, Conformal(np.zeros(1)))
    found = noise.of_measured(_most(layout, values[rows], shade))
    order = np.argsort(found, kind="stable")
    arrays: Arrays = {f"{PREFIX}standard": measured, f"{PREFIX}calibration": found[order]}
    if weights is not None:
        arrays[f"{PREFIX}weights"] = weights[order]
    return arrays


def _most(layout: Layout, rows: Matrix, shade: tuple[float, float]) -> Matrix:
    """Each measure of each row as it is, blurred, or compressed, whichever is most: so that no more of such
    pictures than of clean ones are called noisy. Some at a time, because a fit should take little memory."""
    found = []
    for start in range(0, len(rows), TOGETHER):
        pictures = layout.pictures(rows[start : start + TOGETHER])
        ways = (pictures, worn.blurred(pictures), worn.compressed(pictures, *shade))
        found.append(np.maximum.reduce([measures(way) for way in ways]))
    return np.concatenate(found)
