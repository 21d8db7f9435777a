"""Where embeddings point as a whole: the sum of unit vectors, and the cosine of each one with it.

An embedding model that is replaced, asked in another language or fed another field points elsewhere. The
cosine of each embedding with the mean of the first window is one number a row whose law can be watched as any
other output's (`outputs`); the cosine of the window's mean with that mean says how far all of them turned.
Verbs: `update / snapshot / merge`. Statistics of directions: Mardia and Jupp, "Directional Statistics", 2000.
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

GATHERED_BYTES = 16 * 1024 * 1024
"""Bytes of embeddings of one flow that are kept until its first window is full."""

Vector = NDArray[np.float64]


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


class Stretch(msgspec.Struct, frozen=True):
    """A heading of one stretch of time, first and last in Unix seconds."""

    first: float
    last: float
    heading: Heading


class KeptHeadings(msgspec.Struct, frozen=True):
    """Headings as they are kept on disk."""

    reference: Heading
    stretches: tuple[Stretch, ...]


class Headings:
    """The rolling window of where embeddings point, beside the first one."""

    def __init__(self, reference: Heading, rows: int, seconds: float) -> None:
        self.reference = reference
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
        return KeptHeadings(self.reference, tuple(self._stretches))

    def restore(self, kept: KeptHeadings) -> None:
        """Go on from `kept`."""
        self.reference, self._stretches = kept.reference, deque(kept.stretches)

    def _forget(self, now: float) -> None:
        rows = sum(stretch.heading.rows for stretch in self._stretches)
        while self._stretches and (rows > self._rows or now - self._stretches[0].first > self._seconds):
            rows -= self._stretches.popleft().heading.rows


class Gathering:
    """The embeddings of the first window, until it is full: only then it is known where they point. They are
    found again by the row that stands in the window for them."""

    def __init__(self) -> None:
        self._vectors: dict[bytes, NDArray[np.float32]] = {}
        self._left = GATHERED_BYTES

    def update(self, rows: Matrix, vectors: Matrix) -> None:
        """Take in rows, (rows, fields), and the embedding of each. Those beyond the memory are left out."""
        for row, vector in zip(rows, vectors.astype(np.float32), strict=True):
            if self._left < vector.nbytes:
                return
            if (key := row.tobytes()) not in self._vectors:
                self._left -= vector.nbytes
            self._vectors[key] = vector

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
    some = ~np.isnan(pointing[:, 0])
    return Heading(int(some.sum()), pointing[some].sum(axis=0))


def units(vectors: Matrix) -> Matrix:
    """The vectors, (rows, numbers), with length 1; NaN for those of nothing but zeros."""
    return _divided(vectors, np.linalg.norm(vectors, axis=1)[:, None])


def apart(vectors: Matrix) -> Vector:
    """The cosine of each vector, (rows, numbers), with the sum of all *others*. With that of all, which it is
    a part of, it would be larger than the next ones' are, most of all where embeddings point everywhere."""
    pointing = units(vectors)
    total = np.nansum(pointing, axis=0)
    along = pointing @ total
    return _divided(along - 1.0, np.sqrt(np.maximum(0.0, total @ total - 2.0 * along + 1.0)))


def _divided(above: NDArray[np.float64], below: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """A quotient; NaN for a division by nothing, or by next to nothing."""
    wide = np.broadcast_to(below, above.shape)
    quotient: NDArray[np.float64] = np.divide(
        above, wide, out=np.full_like(above, np.nan), where=wide > 1e-12
    )
    return quotient
