"""A bounded sample of rows over a long stretch of time, fair to every part of it.

Time is cut into a ring of blocks. Within each, every row draws a key in [0, 1) and those with the smallest
keys stay (bottom-k sampling, Cohen and Kaplan 2007): a block's rows are a uniform sample of all it has seen.
When there are too many rows or bytes, the block with the most gives one up: a flood fills only its own time,
and what was seen before it stays. A row stands for as many as its block has seen for each that it kept.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from sidecar.cohort import KeptRow

BLOCKS = 24
"""Blocks in a full ring: the sample forgets a twenty-fourth of its time at once."""

ROW_BYTES = 600
"""Bytes of a kept row beside its values, near enough: the object, its texts, its place in the heap."""


class KeptBlock(msgspec.Struct, frozen=True, array_like=True):
    """One block as it is kept on disk."""

    first: float
    seen: int
    ceiling: float
    keys: tuple[float, ...]
    rows: tuple[KeptRow, ...]


class Weighted(NamedTuple):
    """A kept row and how many rows it stands for."""

    row: KeptRow
    weight: float


class Block:
    """The rows of one stretch of time that begins at `first` (Unix seconds)."""

    def __init__(self, first: float) -> None:
        self.first = first
        self.seen = 0
        self.ceiling = 1.0
        """Rows with a key below stay."""
        self.heap: list[tuple[float, int, KeptRow]] = []
        """The negated key, the serial (so that rows are never compared), the row: the largest key on top."""

    def pop(self) -> KeptRow:
        """Give up the row with the largest key, and from now on every row like it."""
        key, _, row = heapq.heappop(self.heap)
        self.ceiling = -key
        return row


class Reservoir:
    """At most `rows` rows and `size` bytes of the last `seconds` seconds."""

    def __init__(self, rows: int, size: int, seconds: float, seed: int = 0) -> None:
        self.bytes = 0
        self._limits = rows, size
        self._seconds = seconds
        self._blocks: deque[Block] = deque()
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return sum(len(block.heap) for block in self._blocks)

    def __iter__(self) -> Iterator[Weighted]:
        """The kept rows, oldest block first."""
        for block in self._blocks:
            weight = block.seen / max(1, len(block.heap))
            for _, _, row in block.heap:
                yield Weighted(row, weight)

    @property
    def seen(self) -> int:
        """Rows that came by in the time of the blocks."""
        return sum(block.seen for block in self._blocks)

    @property
    def first(self) -> float:
        """When the oldest block began, in Unix seconds; 0 without one."""
        return self._blocks[0].first if self._blocks else 0.0

    def update(self, count: int, make: Callable[[int], KeptRow], now: float) -> int:
        """`count` rows came by at `now`; `make(i)` makes the one numbered i if it is drawn. Returns how many
        were taken. Called also without rows, so that time passes."""
        block = self._open(now)
        block.seen += count
        keys = self._random.random(count)
        taken = 0
        for i in np.flatnonzero(keys < block.ceiling).tolist():
            if keys[i] < block.ceiling:  # it may have sunk meanwhile
                row = make(i)
                heapq.heappush(block.heap, (-float(keys[i]), row.serial, row))
                self.bytes += _size(row)
                taken += 1
                self._shrink()
        return taken

    def pass_by(self, count: int, now: float) -> None:
        """`count` rows came by at `now`, of which none can be kept; those that are stand for them, too."""
        self._open(now).seen += count

    def keep(self) -> tuple[KeptBlock, ...]:
        """What `restore` needs."""
        return tuple(
            KeptBlock(
                block.first,
                block.seen,
                block.ceiling,
                tuple(-key for key, _, _ in block.heap),
                tuple(row for _, _, row in block.heap),
            )
            for block in self._blocks
        )

    def restore(self, kept: tuple[KeptBlock, ...]) -> None:
        """Go on from `keep`."""
        self._blocks.clear()
        for old in kept:
            block = Block(old.first)
            block.seen, block.ceiling = old.seen, old.ceiling
            block.heap = [(-key, row.serial, row) for key, row in zip(old.keys, old.rows, strict=True)]
            heapq.heapify(block.heap)
            self._blocks.append(block)
        self.bytes = sum(_size(one.row) for one in self)
        self._shrink()

    def _open(self, now: float) -> Block:
        """The block of this moment, after those that are too old are gone."""
        while self._blocks and now - self._blocks[0].first > self._seconds:
            self.bytes -= sum(_size(row) for _, _, row in self._blocks.popleft().heap)
        if not self._blocks or now - self._blocks[-1].first > self._seconds / BLOCKS:
            self._blocks.append(Block(now))
        return self._blocks[-1]

    def _shrink(self) -> None:
        rows, size = self._limits
        while len(self) > rows or self.bytes > size:
            largest = max(self._blocks, key=lambda block: len(block.heap))
            self.bytes -= _size(largest.pop())


def _size(row: KeptRow) -> int:
    return ROW_BYTES + len(row.values) + len(row.answer)
