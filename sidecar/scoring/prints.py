"""A fingerprint of each row, 31 numbers, so that two rows are about as far apart as their fingerprints are.

    row -> its numbers, categories, pixels, runs of letters -> added up by random signs -> print

What an attacker sends while feeling a model's way is many inputs that are near one another. How near is near
is told by the reference: two prints are alike when they lie within a share, `ratio`, of the distance from
the print to the second nearest of the reference. So it may be wide where data are sparse, and is narrow
where they are dense; a plain distance would have to be as narrow everywhere as between the most alike of
them. But no wider than that of a usual row: far from all of the reference, inputs that have only drifted (a
camera that inverts) lie closer to one another than to it. A caller's own latest questions are few, so they
count from further away, within `own`. `sidecar.baseline.printing` finds both shares.

Prints are added up, so what lies on a straight line between two rows does so in print, too. That tells who
halves the way from one input to another.

The signs come from a salt that a fit makes of the training rows: who knew them could step far in the print
by a small step in the input. Random projections: Johnson and Lindenstrauss 1984; signs do: Achlioptas 2003,
"Database-friendly random projections", JCSS 66. That nearness tells query-based attacks: Chen, Carlini and
Wagner 2020, "Stateful Detection of Black-Box Adversarial Attacks"; Li et al. 2022, "Blacklight".
Counterpart: `sidecar.sequences`, which remembers prints and compares them.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Features, Matrix, Payload
from sidecar.features import Schema
from sidecar.features.cells import label
from sidecar.features.columns import Column, sources
from sidecar.features.images import ImageReading, thumbnails
from sidecar.features.schema import Mask
from sidecar.features.texts import TextReading, places
from sidecar.scoring.detector import Arrays, need

PREFIX = "prints/"
"""Of the arrays of a baseline that are about prints."""

COORDINATES = 31
"""Of a print. Distances are then right to 13 % (one standard deviation), at 4 bytes each."""

WIDTH = COORDINATES + 1
"""Numbers of a stored print: its coordinates, and half the square of its length."""

RECENT = 4_096
"""Recent questions that each is compared with. `ratio` is found for so many: of more, more would be alike."""

OWN_RECENT = 16
"""Recent questions of the same caller that each is compared with, too. `own` is found for so many."""

ROWS = 32
"""Rows of one call that are looked at, evenly spaced: an attack that comes in batches is in any part of
one."""

TEXT_RUNS = 1_024
"""Runs of letters from each end of a text that make its print: 0.2 ms."""

FURTHEST = 1e6
"""Spreads from the middle beyond which a number is no further away."""

Points: TypeAlias = NDArray[np.float32]
"""Stored prints, (rows, WIDTH)."""

Ids: TypeAlias = NDArray[np.uint64]


class Prints(NamedTuple):
    """The fingerprints of some rows of a call. `ids`: equal for equal rows only. `reach`: the square of the
    distance within which another print is alike. Prints with other tags are by other signs, and not to be
    compared. `lines`: that one lies between two others says something. `wider`: how many times `reach` is
    for the latest questions of the same caller."""

    points: Points
    ids: Ids
    reach: NDArray[np.float32]
    tag: int
    lines: bool = False
    wider: float = 1.0


class Printer:
    """Takes fingerprints by one reference. Immutable."""

    def __init__(self, schema: Schema, arrays: Arrays) -> None:
        """`arrays` as `sidecar.baseline.printing` stores them. Raises ValueError when they don't fit the
        schema."""
        columns = len(schema.columns)
        own = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
        self.salt = need(own, "salt", np.uint8, -1).tobytes()
        self.tag = int.from_bytes(hashlib.blake2b(self.salt, digest_size=8).digest(), "little")
        self._schema = schema
        self._weights = need(own, "weights", np.float64, columns)
        self._middle = need(own, "middle", np.float64, columns)
        self._signs = signs(self.salt, "numbers", columns)
        self._levels = _Levels(schema, self.salt)
        self._images = need(own, "images", np.float64, sum(_images(schema)))
        self._deep = bool(schema.readings) and any(isinstance(one, RAW) for one in schema.readings)
        self.reference: Points = need(own, "reference", np.float32, -1, WIDTH)
        self.ratio = float(need(own, "ratio", np.float64, 1)[0])
        earlier = {"usual": np.full(1, np.inf), "lines": np.zeros(1), "own": own["ratio"]}
        own = {**earlier, **own}  # what baselines had not from the beginning
        self._usual = float(need(own, "usual", np.float64, 1)[0])
        self._lines = bool(need(own, "lines", np.float64, 1)[0])
        self._wider = float(need(own, "own", np.float64, 1)[0] / self.ratio) ** 2

    def prints(self, features: Features, payload: Payload) -> Prints | None:
        """The prints of a call's rows, `ROWS` at most; None when it has none that can be scored."""
        which: Column | slice = ALL
        if len(features.matrix) != 1 or self._deep or not features.sound:
            usable: Mask = np.asarray(np.isfinite(features.matrix).all(axis=1))
            usable[list(features.unscorable)] = False
            rows = np.flatnonzero(usable)
            if not rows.size:
                return None
            if rows.size > ROWS:
                rows = rows[np.linspace(0, rows.size - 1, ROWS).astype(np.intp)]
            which = rows
        points, ids = self.taken(features, payload, which)
        return Prints(points, ids, self.reach(points), self.tag, self._lines, self._wider)

    def taken(self, features: Features, payload: Payload, which: Column | slice) -> tuple[Points, Ids]:
        """The prints and ids of the rows `which`, all of whose `matrix` is finite."""
        matrix = features.matrix[which]
        spreads = np.clip((matrix - self._middle) * self._weights, -FURTHEST, FURTHEST)
        coordinates = spreads @ self._signs
        same = [features.values[which]]
        self._levels.add(coordinates, same[0])
        texts: list[list[str]] = []
        if self._deep:
            texts = self._add_raw(coordinates, sources(payload, self._schema), which, same)
        return stored(coordinates), _ids(same, texts)

    def reach(self, points: Points) -> NDArray[np.float32]:
        """How far, squared, a print may be from each of `points` and still be alike."""
        apart = np.partition(squared(points, self.reference), 1, axis=1)[:, 1]
        reach: NDArray[np.float32] = np.minimum(apart, np.float32(self._usual**2)) * np.float32(self.ratio**2)
        return reach

    def _add_raw(
        self,
        coordinates: Matrix,
        found: list[Column | None],
        which: Column | slice,
        same: list[NDArray[np.float64]],
    ) -> list[list[str]]:
        """Add what images and texts are themselves, because their few fields say too little of them."""
        texts: list[list[str]] = []
        weights = iter(self._images)
        for step, source in zip(self._schema.plan.steps, found, strict=True):
            if source is None or not isinstance(step.reading, RAW):
                continue
            if isinstance(step.reading, ImageReading):
                small = thumbnails(source[which], step.reading.white)[..., :3].mean(axis=3)
                pixels = small.reshape(len(small), -1)
                same.append(pixels)
                coordinates += pixels @ (
                    signs(self.salt, step.reading.column, pixels.shape[1]) * next(weights)
                )
            else:
                texts.append([label(cell) or "" for cell in source[which].tolist()])
                for row, text in enumerate(texts[-1]):
                    coordinates[row] += letters(self.salt, text)
        return texts


RAW = (ImageReading, TextReading)
ALL = slice(None)


class _Levels:
    """The categories of a schema: each has a direction of its own, so that two are as far apart as any
    two."""

    def __init__(self, schema: Schema, salt: bytes) -> None:
        known = [(i, field) for i, field in enumerate(schema.fields) if field.kind == "category"]
        self._fields = [i for i, _ in known]
        sizes = [len(field.categories) + 1 for _, field in known]  # and one for all that were never seen
        self._last = np.array(sizes, dtype=np.intp) - 1
        self._starts = np.cumsum([0, *sizes[:-1]], dtype=np.intp)
        self._signs = signs(salt, "categories", sum(sizes))

    def add(self, coordinates: Matrix, values: Matrix) -> None:
        if self._fields:
            codes = np.nan_to_num(values[:, self._fields], nan=1e9).clip(0, self._last).astype(np.intp)
            coordinates += self._signs[self._starts + codes].sum(axis=1)


def letters(salt: bytes, text: str) -> NDArray[np.float64]:
    """What the runs of three bytes of a text add up to, its length taken out."""
    runs = places(text)
    if runs.size > 2 * TEXT_RUNS:
        runs = np.concatenate((runs[:TEXT_RUNS], runs[-TEXT_RUNS:]))
    summed: NDArray[np.float64] = signs(salt, "letters", 65_536)[runs].sum(axis=0) / np.sqrt(runs.size)
    return summed


@lru_cache(maxsize=32)
def signs(salt: bytes, purpose: str, rows: int) -> NDArray[np.float64]:
    """(rows, COORDINATES): plus or minus one over the root of COORDINATES, by chance, always the same for the
    same salt and purpose."""
    bits = np.frombuffer(hashlib.shake_128(salt + purpose.encode()).digest(4 * rows), np.uint8)
    flat = np.unpackbits(bits).reshape(rows, WIDTH)[:, :COORDINATES]
    return np.asarray((flat * 2.0 - 1.0) / np.sqrt(COORDINATES))


def stored(coordinates: Matrix) -> Points:
    """Coordinates, (rows, COORDINATES), as they are kept."""
    points = np.empty((len(coordinates), WIDTH), dtype=np.float32)
    points[:, :COORDINATES] = coordinates
    points[:, COORDINATES] = np.einsum("ij,ij->i", coordinates, coordinates) / 2.0
    return points


def asked(points: Points) -> Points:
    """Prints turned so that their product with a stored print is half the squared distance, less half the
    square of their own length."""
    turned = -points
    turned[:, COORDINATES] = 1.0
    return turned


def squared(points: Points, others: Points) -> NDArray[np.float32]:
    """Squared distances, (points, others)."""
    found: NDArray[np.float32] = 2.0 * (asked(points) @ others.T + points[:, COORDINATES:])
    return np.maximum(found, 0.0, out=found)


def cosines(point: NDArray[np.float32], others: Points) -> NDArray[np.float32]:
    """Seen from a print, (WIDTH,), the cosines between the ways to each two of the others, (others, others).
    -1.0: it is between these two. 0.0 where one of them is the print itself."""
    ways = others[:, :COORDINATES] - point[:COORDINATES]
    lengths = np.sqrt(np.einsum("ij,ij->i", ways, ways))
    lengths[lengths == 0.0] = np.inf
    ways /= lengths[:, None]
    found: NDArray[np.float32] = ways @ ways.T
    return found


def _ids(same: list[NDArray[np.float64]], texts: list[list[str]]) -> Ids:
    rows = len(same[0])
    ids = np.empty(rows, dtype=np.uint64)
    for row in range(rows):
        hashed = hashlib.blake2b(digest_size=8)
        for block in same:
            hashed.update(np.ascontiguousarray(block[row]).tobytes())
        for column in texts:
            hashed.update(column[row].encode("utf-8", "surrogatepass") + b"\0")
        ids[row] = int.from_bytes(hashed.digest(), "little")
    return ids


def _images(schema: Schema) -> list[bool]:
    return [isinstance(reading, ImageReading) for reading in schema.readings]
