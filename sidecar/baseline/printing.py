"""Finds how near two rows must be to count as alike, from rows of the reference, which are no attack.

Some rows play the reference, others a stream of honest questions. Of each of these, how far is the second
nearest of the others, as a share of how far the second nearest of the reference is? The smallest thousandth
of these shares is `ratio`: one honest question in a thousand then has two others that are alike. The other
half of the promised 0.2 % is for what a reference has not: one caller's questions that resemble each other.
A caller's own latest questions are 16 where those of all are 4,096, so pairs among them are thousands of
times rarer, and may lie further away: `own`.
Counterpart: `sidecar.scoring.prints`, where they are used.
"""

from __future__ import annotations

import hashlib
import math
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
from sidecar.scoring.prints import (
    OWN_RECENT,
    PREFIX,
    RAW,
    RECENT,
    WIDTH,
    Points,
    Printer,
    cosines,
    squared,
)

REFERENCE_ROWS = 2_000
"""Prints that are kept of the reference: 256 KB, and 15 us for each question."""

STREAM_ROWS = 8_192
"""Rows that play a stream."""

LEAST_ROWS = 50
"""Of either, all different; with fewer there are no prints."""

NEIGHBOURS = 2
"""A question with so many others that are alike is the third of a sequence."""

ALIKE = 0.001
"""Share of honest questions that have so many."""

ALIKE_OWN = 1e-6
"""Share of honest questions that have so many among the same caller's latest. A thousandth of ALIKE, because
callers ask about what concerns them: who only ever asks about one kind of thirty has pairs 30 x 30 times as
often, which is then still ALIKE."""

LEAST_PAIRS = 10
"""Of the rows of a stream, below which they don't tell `own`."""

WIDEST = 0.9

USUAL = 0.75
"""Share of honest questions that are not further from the reference than is usual."""

LINE_ROWS = 1_000
"""Honest rows that are tried for lying between two of as many others as a caller is remembered for."""

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
        "own": np.ones(1),
        "usual": np.full(1, np.inf),
        "lines": np.zeros(1),
    }
    printer = Printer(schema, {PREFIX + name: array for name, array in arrays.items()})
    arrays["reference"] = _prints(printer, table, schema, features, reference)
    points = _prints(printer, table, schema, features, stream)
    if min(len(arrays["reference"]), len(points)) < LEAST_ROWS:
        return {}
    near, apart = _neighbours(points, arrays["reference"])
    arrays["ratio"] = np.array([ratio(near[:, NEIGHBOURS - 1] / apart)])
    arrays["usual"] = np.quantile(apart, [USUAL])
    shares = near / np.minimum(apart, arrays["usual"])[:, None]
    arrays["own"] = np.maximum(arrays["ratio"], own_ratio(shares))
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


def own_ratio(shares: Floats) -> float:
    """The share of the distance to the reference within which the same caller's latest are alike.

    `shares`: for each row of a stream the distances to its nearest others, in order, as shares. The odds that
    two of OWN_RECENT others are alike are at most those of two, times the pairs there are (Bonferroni). Those
    of two are counted over all pairs of a row's others: the j-th that comes within reach makes j - 1 more.
    0.0 where rows are too few to tell."""
    allowed = _pairs(len(shares))
    if allowed < LEAST_PAIRS:
        return 0.0
    order = np.argsort(shares, axis=None, kind="stable")
    within = shares.ravel()[order]
    made = np.cumsum(np.broadcast_to(np.arange(shares.shape[1]), shares.shape).ravel()[order])
    beyond = within[made > allowed]
    if not beyond.size:
        return WIDEST
    return float(min(WIDEST, within[: np.searchsorted(within, beyond[0])].max(initial=0.0)))


def _pairs(rows: int) -> float:
    """Of all pairs of others that rows of a stream have, how many may be alike."""
    return ALIKE_OWN / math.comb(OWN_RECENT, 2) * rows * math.comb(rows - 1, 2)


def lines(stream: Points, seed: int) -> bool:
    """Whether no print of a stream lies nearly between two others."""
    rng = np.random.default_rng(seed)
    if len(stream) <= OWN_RECENT:
        return False
    return all(
        cosines(point, stream[rng.choice(len(stream), OWN_RECENT, replace=False)]).min() > CROOKED
        for point in stream[:LINE_ROWS]
    )


def _neighbours(stream: Points, reference: Points) -> tuple[Floats, Floats]:
    """For each print of a stream: how far its nearest others are, in order, as many as `own_ratio` may need;
    and how far the second of the reference is."""
    rows = len(stream)
    count = min(rows - 1, max(NEIGHBOURS, int(np.sqrt(2.0 * _pairs(rows))) + 2))
    near, apart = np.empty((rows, count)), np.empty(rows)
    for start in range(0, rows, 512):
        some = stream[start : start + 512]
        closest = np.partition(squared(some, stream), count, axis=1)[:, : count + 1]
        near[start : start + 512] = np.sqrt(np.sort(closest, axis=1)[:, 1:])  # the first is the print itself
        apart[start : start + 512] = np.sqrt(np.partition(squared(some, reference), 1, axis=1)[:, 1])
    return near, np.maximum(apart, 1e-6)


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
