"""Finds how near two rows must be to count as alike, from rows of the reference, which are no attack.

Some rows play the reference, others a stream of honest questions. Of each of these, how far is the second
nearest of the others, as a share of how far the second nearest of the reference is? The smallest thousandth
of these shares is `ratio`: one honest question in a thousand then has two others that are alike. The other
half of the promised 0.2 % is for what a reference has not: one caller's questions that resemble each other.
Counterpart: `sidecar.scoring.prints`, where they are used.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from sidecar.baseline.split import Parts
from sidecar.baseline.tables import Table
from sidecar.exchange import Features, Payload, Tensor
from sidecar.features import Schema
from sidecar.features.images import ImageReading, thumbnails
from sidecar.scoring.detector import Arrays, Floats
from sidecar.scoring.prints import PREFIX, RAW, RECENT, WIDTH, Points, Printer, cosines, squared

REFERENCE_ROWS = 2_000
"""Prints that are kept of the reference: 256 KB, and 15 us for each question."""

STREAM_ROWS = 8_192
"""Rows that play a stream."""

LEAST_ROWS = 50
"""Of either; with fewer there are no prints."""

NEIGHBOURS = 2
"""A question with so many others that are alike is the third of a sequence."""

ALIKE = 0.001
"""Share of honest questions that have so many."""

WIDEST = 0.9

USUAL = 0.75
"""Share of honest questions that are not further from the reference than is usual."""

LINE_ROWS = 1_000
"""Honest rows that are tried for lying between two of as many others as a caller is remembered for."""

LINE_OTHERS = 16

CROOKED = -0.9
"""Where none of these sees two others so nearly in opposite directions, lines say something. In few
dimensions some do."""

GROUP = 16
"""Fields whose names differ in their digits only are one measurement, such as the pixels of an image, and
have one spread, when there are so many: else a pixel at the edge, which is hardly ever lit, would count more
than all others."""


def fit(table: Table, schema: Schema, features: Features, parts: Parts, seed: int) -> Arrays:
    """What is stored for prints, or nothing when there are too few rows. `features`: those of all rows."""
    rows = np.concatenate(parts)  # in random order; nothing is learned of them that others could not know
    first = min(REFERENCE_ROWS, rows.size * 2 // 5)
    reference, stream = rows[:first], rows[first : first + STREAM_ROWS]
    if reference.size < LEAST_ROWS:
        return {}
    arrays: Arrays = {
        "salt": _salt(features.values, seed),
        "middle": np.median(features.matrix[parts.fit], axis=0),
        "weights": _weights(features.matrix[parts.fit], schema),
        "images": _image_weights(table, schema, reference),
        "reference": np.empty((0, WIDTH), np.float32),
        "ratio": np.ones(1),
        "usual": np.full(1, np.inf),
        "lines": np.zeros(1),
    }
    printer = Printer(schema, {PREFIX + name: array for name, array in arrays.items()})
    arrays["reference"] = _prints(printer, table, schema, features, reference)
    points = _prints(printer, table, schema, features, stream)
    shares, apart = _shares(points, arrays["reference"])
    arrays["ratio"] = np.array([ratio(shares)])
    arrays["usual"] = np.array([np.quantile(apart, USUAL)])
    arrays["lines"] = np.array([float(lines(points, seed))])
    return {PREFIX + name: array for name, array in arrays.items()}


def _salt(values: Floats, seed: int) -> NDArray[np.uint8]:
    """By chance, but always the same for the same rows and seed, as all of a baseline is; unknown to whoever
    hasn't got the rows."""
    hashed = hashlib.blake2b(
        np.ascontiguousarray(values).tobytes(), digest_size=16, salt=seed.to_bytes(16, "little")
    )
    return np.frombuffer(hashed.digest(), np.uint8)


def ratio(shares: Floats) -> float:
    """The share of the distance to the reference within which others are alike.

    `shares`: for each row of a stream the distance to its NEIGHBOURS-th neighbour, as a share. Small shares
    are as rare as a power of them; which power, the lowest tenth tells (Hill 1975). By that power the ratio
    is brought down where a stream is too short to have a thousandth, or shorter than the RECENT questions
    that live ones are compared with: twice the rows, twice the neighbours, four times the odds of two.
    """
    shares = np.sort(shares)
    rows = shares.size
    place = max(int(ALIKE * (rows + 1)), min(5, rows))
    found = shares[place - 1]
    low = shares[: max(place + 1, rows // 10)]
    slope = float(np.mean(np.log(low[-1] / np.maximum(low, 1e-9))))
    power = min(1.0 / NEIGHBOURS, slope)
    rarer = min(1.0, ALIKE * (rows + 1) / place)
    shorter = min(1.0, rows / RECENT)
    return float(min(WIDEST, found * (rarer * shorter**NEIGHBOURS) ** power))


def lines(stream: Points, seed: int) -> bool:
    """Whether no print of a stream lies nearly between two others."""
    rng = np.random.default_rng(seed)
    if len(stream) <= LINE_OTHERS:
        return False
    return all(
        cosines(point, stream[rng.choice(len(stream), LINE_OTHERS, replace=False)]).min() > CROOKED
        for point in stream[:LINE_ROWS]
    )


def _shares(stream: Points, reference: Points) -> tuple[Floats, Floats]:
    """For each print of a stream: how far its NEIGHBOURS-th other one is, as a share of how far the second of
    the reference is; and how far that is."""
    found, far = np.empty(len(stream)), np.empty(len(stream))
    for start in range(0, len(stream), 512):
        some = stream[start : start + 512]
        near = np.partition(squared(some, stream), NEIGHBOURS, axis=1)[:, NEIGHBOURS]
        apart = np.partition(squared(some, reference), 1, axis=1)[:, 1]
        found[start : start + 512] = np.sqrt(near / np.maximum(apart, 1e-12))
        far[start : start + 512] = np.sqrt(apart)
    return found, far


def _prints(
    printer: Printer, table: Table, schema: Schema, features: Features, rows: NDArray[np.int64]
) -> Points:
    """The prints of some rows of the table, each once."""
    own = Features(features.values[rows], features.matrix[rows])
    columns = tuple(Tensor(name, table.columns[name][rows]) for name in schema.sources)
    points, _ = printer.taken(own, Payload("table", columns), slice(None))
    return np.unique(points, axis=0)


def _weights(matrix: Floats, schema: Schema) -> Floats:
    """What one unit of each of the detectors' columns counts. Categories, images and texts count as
    themselves, so their columns count nothing."""
    varying = [field for field in schema.fields if field.kind != "constant"]
    raw = {name for one in schema.readings if isinstance(one, RAW) for name in one.fields}
    spread = matrix.std(axis=0)
    weights = np.zeros(matrix.shape[1])
    groups: dict[str, list[int]] = defaultdict(list)
    for i, field in enumerate(varying):
        if field.kind == "number" and field.name not in raw:
            groups[re.sub(r"\d+", "0", field.name)].append(i)
        elif field.kind == "boolean":
            weights[i] = 1.0
    weights[len(varying) :] = 1.0  # what says that a value is missing
    for members in groups.values():
        own = spread[members]
        if len(members) >= GROUP:
            own = np.full(len(members), np.sqrt(np.mean(own**2)))
        weights[members] = 1.0 / np.where(own > 0.0, own, 1.0)
    return weights


def _image_weights(table: Table, schema: Schema, rows: NDArray[np.int64]) -> Floats:
    """For each column of images what the light of a pixel counts: so much that an image counts as a
    number."""
    weights = []
    for reading in schema.readings:
        if isinstance(reading, ImageReading):
            small = thumbnails(table.columns[reading.column][rows], reading.white)[..., :3].mean(axis=3)
            total = float(small.reshape(len(small), -1).var(axis=0).sum())
            weights.append(1.0 / np.sqrt(total) if total > 0.0 else 1.0)
    return np.array(weights)
