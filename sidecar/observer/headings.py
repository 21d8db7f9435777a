"""Where embeddings point as a whole: the sum of unit vectors, and the cosine of each one with it.

An embedding model that is replaced, asked in another language or fed another field points elsewhere. A
part of the first window says where it pointed: its mean, and some embeddings as exemplars. The cosine of
any other with that mean, and with the exemplar that is nearest, are two numbers a row whose law can be
watched as any other output's (`outputs`); the cosine of the window's mean with the first one's says how
far all of them turned. Verbs: `update / snapshot / merge`. Source: Mardia and Jupp, "Directional
Statistics", 2000.
"""

from __future__ import annotations

import math
from collections import deque

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.observer.windows import BLOCKS

COSINE = "embedding cosine"
"""What the column of these cosines is called."""

NEAREST = "embedding nearest"
"""What that of the cosine with the nearest exemplar is called."""

EXEMPLARS = 64
"""So many are kept. Where some embeddings are of a new kind, the mean hardly turns, yet those are far."""

PART = 0.2
"""Of the first window that says where embeddings point. The rest is the reference: cosines with a mean that
they are a part of would be larger than later ones, and a text that comes again must have one value."""

DECIMALS = 6
"""Of cosines. The last bits of a sum hang on how many rows it was worked out for."""

GATHERED_BYTES = 16 * 1024 * 1024
"""Bytes of embeddings of one flow that are kept until its first window is full, the latest of them."""

Vector = NDArray[np.float64]
Vectors = NDArray[np.float64]
"""(rows, numbers)."""


class Heading(msgspec.Struct, frozen=True):
    """The sum of the unit vectors of `rows` embeddings, shape (numbers,). Vectors of nothing but zeros point
    nowhere and are left out."""

    rows: int
    total: Vector

    def merge(self, other: Heading) -> Heading:
        """That of both. Of embeddings of another length nothing can be added: the longer stretch stays."""
        if len(self.total) != len(other.total):
            return self if self.rows >= other.rows else other
        return Heading(self.rows + other.rows, self.total + other.total)

    def cosines(self, vectors: Matrix) -> Vector:
        """The cosine of each vector, (rows, numbers), with the sum; NaN where one of both has no direction,
        or they are of different lengths."""
        if vectors.shape[1] != len(self.total):
            return np.full(len(vectors), np.nan)
        return _divided(units(vectors) @ self.total, float(np.linalg.norm(self.total)))

    def cosine(self, other: Heading) -> float:
        """That of both means; NaN where it cannot be told."""
        return float(self.cosines(other.total[None, :])[0])

    @property
    def concentration(self) -> float:
        """The squared length of the mean that infinitely many embeddings would have, without the bias of
        few; 0 for embeddings that point everywhere."""
        if self.rows < 2:
            return 0.0
        length = float(self.total @ self.total) / self.rows
        return max(0.0, (length - 1.0) / (self.rows - 1))

    def expected(self, rows: int) -> float:
        """The cosine that the mean of `rows` more embeddings would have with this one, nothing having moved:
        not 1, because means of few embeddings point a little elsewhere by chance."""
        true = self.concentration
        if not self.rows or not rows or true <= 0.0:
            return 0.0
        ours, theirs = (true + (1.0 - true) / n for n in (self.rows, rows))
        return float(true / np.sqrt(ours * theirs))


class Compass(msgspec.Struct, frozen=True):
    """What others are held against: where some embeddings point, and some of them as unit vectors."""

    mean: Heading
    exemplars: NDArray[np.float64]

    def cosines(self, vectors: Matrix) -> Vector:
        """The cosine of each vector, (rows, numbers), with the mean; NaN where it points nowhere or has
        another length."""
        return np.round(self.mean.cosines(vectors), DECIMALS)

    def nearest(self, vectors: Matrix) -> Vector:
        """The same with the exemplar that is nearest."""
        if not len(self.exemplars) or vectors.shape[1] != self.exemplars.shape[1]:
            return np.full(len(vectors), np.nan)
        cosines: NDArray[np.float64] = units(vectors) @ self.exemplars.T
        highest: Vector = cosines.max(axis=1)
        return np.round(highest, DECIMALS)


class Stretch(msgspec.Struct, frozen=True):
    """A heading of one stretch of time, first and last in Unix seconds."""

    first: float
    last: float
    heading: Heading


class KeptHeadings(msgspec.Struct, frozen=True):
    """Headings as they are kept on disk."""

    reference: Heading
    compass: Compass
    stretches: tuple[Stretch, ...]


class Headings:
    """The rolling window of where embeddings point, beside the first one."""

    def __init__(self, reference: Heading, compass: Compass, rows: int, seconds: float) -> None:
        self.reference = reference
        """That of the whole first window."""
        self.compass = compass
        """What the part of it says that others are held against."""
        self._rows = rows
        self._seconds = seconds
        self._stretches: deque[Stretch] = deque()

    def update(self, vectors: Matrix, now: float) -> None:
        """Take in embeddings, (rows, numbers)."""
        block = math.ceil(self._rows / BLOCKS)
        for at in range(0, len(vectors), block):
            self._add(heading(vectors[at : at + block]), block, now)
        self._forget(now)

    def _add(self, new: Heading, block: int, now: float) -> None:
        last = self._stretches[-1] if self._stretches else None
        if (
            last is None
            or last.heading.rows + new.rows > block
            or (now - last.first) * BLOCKS > self._seconds
        ):
            self._stretches.append(Stretch(now, now, new))
        else:
            self._stretches[-1] = Stretch(last.first, now, last.heading.merge(new))

    def snapshot(self, now: float) -> Heading:
        """That of the window as it stands."""
        self._forget(now)
        found = Heading(0, np.zeros(len(self.reference.total)))
        for stretch in self._stretches:
            found = found.merge(stretch.heading)
        return found

    def keep(self) -> KeptHeadings:
        """What `restore` needs."""
        return KeptHeadings(self.reference, self.compass, tuple(self._stretches))

    def restore(self, kept: KeptHeadings) -> None:
        """Go on from `kept`."""
        self.reference, self.compass = kept.reference, kept.compass
        self._stretches = deque(kept.stretches)

    def _forget(self, now: float) -> None:
        rows = sum(stretch.heading.rows for stretch in self._stretches)
        while self._stretches and (rows > self._rows or now - self._stretches[0].first > self._seconds):
            rows -= self._stretches.popleft().heading.rows


class Gathering:
    """The embeddings of the first window, until it is full: only then it is known where they point. They are
    found again by the row that stands in the window for them."""

    def __init__(self) -> None:
        self._vectors: dict[bytes, NDArray[np.float32]] = {}
        self._bytes = 0

    def update(self, rows: Matrix, vectors: Matrix) -> None:
        """Take in rows, (rows, fields), and the embedding of each; the oldest make room. The window is of the
        latest rows, too, so where calls are few it's not left without any that it knows."""
        for row, vector in zip(rows, vectors.astype(np.float32, copy=False), strict=True):
            known = self._vectors.pop(key := row.tobytes(), None)
            self._vectors[key] = vector
            self._bytes += vector.nbytes - (known.nbytes if known is not None else 0)
            while self._bytes > GATHERED_BYTES:
                self._bytes -= self._vectors.pop(next(iter(self._vectors))).nbytes

    def found(self, rows: Matrix) -> tuple[NDArray[np.bool_], Matrix]:
        """Which of these rows have an embedding of the usual length here, and those, (rows, numbers)."""
        vectors = [self._vectors.get(row.tobytes()) for row in rows]
        lengths = [len(one) for one in vectors if one is not None]
        usual = max(set(lengths), key=lengths.count, default=0)
        known = np.array([one is not None and len(one) == usual for one in vectors], dtype=bool)
        kept = [one for one in vectors if one is not None and len(one) == usual]
        return known, np.array(kept, dtype=np.float64).reshape(len(kept), usual)


def heading(vectors: Matrix) -> Heading:
    """Of these vectors, (rows, numbers)."""
    pointing = units(vectors)
    some = ~np.isnan(pointing).any(axis=1)
    return Heading(int(some.sum()), pointing[some].sum(axis=0))


def units(vectors: Matrix) -> Matrix:
    """The vectors, (rows, numbers), with length 1; NaN for those of nothing but zeros."""
    wide = vectors.astype(np.float64, copy=False)
    return _divided(wide, np.linalg.norm(wide, axis=1)[:, None])


def compass(vectors: Matrix) -> Compass:
    """What these vectors, (rows, numbers), say; the exemplars are the first that point anywhere."""
    pointing = units(vectors)
    return Compass(heading(vectors), pointing[~np.isnan(pointing).any(axis=1)][:EXEMPLARS])


def _divided(above: NDArray[np.float64], below: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """A quotient; NaN for a division by nothing, or by next to nothing."""
    wide = np.broadcast_to(below, above.shape)
    quotient: NDArray[np.float64] = np.divide(
        above, wide, out=np.full_like(above, np.nan), where=wide > 1e-12
    )
    return quotient
