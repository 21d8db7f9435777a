"""Rolling windows: the last rows and seconds of one stream of rows. Verbs: `update / snapshot / merge`.

A window is a ring of blocks, each the summary of a twentieth of it; the window's summary is the merge of
its blocks. So memory doesn't depend on the number of rows in a window, an update is one summary of the
new rows, and the window is exact to one block: it holds at most `rows` rows and `seconds` seconds, and
lets go of a block at a time. Beside the ring stands the total since the start, which is what Prometheus
scrapes and the drift tests read.
"""

from __future__ import annotations

import math
from collections import deque

import msgspec
import numpy as np

from sidecar.exchange import Matrix
from sidecar.observer.axes import Fields
from sidecar.observer.summary import Summary, nothing, summarise_parts, without_sample
from sidecar.scoring.bins import Bins

BLOCKS = 20
"""Blocks in a full window: it is exact to 5 % of its length."""

SAMPLE_BYTES = 1_048_576
"""Bytes of the uniform sample of one window. A window that fits in them is kept whole."""


class Block(msgspec.Struct, frozen=True):
    """The summary of one stretch of rows, seen between `first` and `last` (Unix seconds)."""

    first: float
    last: float
    summary: Summary


class Kept(msgspec.Struct, frozen=True):
    """A window as it is kept on disk."""

    fields: Fields
    blocks: tuple[Block, ...]
    total: Summary


class Window:
    """The rolling window of a matrix whose columns are `fields`."""

    def __init__(self, fields: Fields, rows: int, seconds: float, seed: int = 0) -> None:
        self.fields = fields
        self.bins = Bins(fields)
        self.total = nothing(self.bins)
        """Everything since the start, without a sample."""
        self._blocks: deque[Block] = deque()
        self._rows = rows
        self._seconds = seconds
        self._block_rows = math.ceil(rows / BLOCKS)
        kept = SAMPLE_BYTES // (8 * max(1, len(fields)))
        self._capacity = max(BLOCKS, min(rows, kept))
        self._block_capacity = math.ceil(self._capacity / BLOCKS)
        self._random = np.random.default_rng(seed)

    @property
    def rows(self) -> int:
        """Rows in the window now."""
        return sum(block.summary.rows for block in self._blocks)

    @property
    def full(self) -> bool:
        """Whether it has as many rows as it can, or the oldest have begun to leave because of their age."""
        return self.rows > self._rows - self._block_rows or self.total.rows > self.rows

    @property
    def bytes(self) -> int:
        """Bytes that the window may grow to, near enough for a budget."""
        fields = len(self.fields)
        summary = 8 * (self.bins.size + 5 * fields)
        return 2 * BLOCKS * summary + 8 * (fields + 1) * self._block_capacity * BLOCKS

    def update(self, values: Matrix, now: float) -> None:
        """Take in new rows (rows x fields), seen at `now` (Unix seconds)."""
        if len(values):
            block = self._open(now)
            # The block that is open takes what it has room for, then come blocks of their own.
            starts = [0, *range(self._block_rows - block.summary.rows, len(values), self._block_rows)]
            keys = self._random.random(len(values))
            parts = summarise_parts(values, self.bins, keys, starts, self._block_capacity)
            self._blocks[-1] = Block(block.first, now, block.summary.merge(parts[0], self._block_capacity))
            self._blocks.extend(Block(now, now, part) for part in parts[1:])
            self.total = self.total.merge(without_sample(parts), 0)
        self._forget(now)

    def snapshot(self, now: float) -> Block:
        """The window's summary and the time it covers; of no rows, from and to `now`, when it is empty."""
        self._forget(now)
        summary = nothing(self.bins)
        for block in self._blocks:
            summary = summary.merge(block.summary, self._capacity)
        if not self._blocks:
            return Block(now, now, summary)
        return Block(self._blocks[0].first, self._blocks[-1].last, summary)

    def blocks(self) -> tuple[Block, ...]:
        """The stretches that the window is made of, the oldest first."""
        return tuple(self._blocks)

    def keep(self) -> Kept:
        """What `restore` needs."""
        return Kept(self.fields, tuple(self._blocks), self.total)

    def restore(self, kept: Kept) -> None:
        """Go on from `kept`, which must have the same fields."""
        self._blocks = deque(kept.blocks)
        self.total = kept.total

    def _open(self, now: float) -> Block:
        """The block that takes the next row."""
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.summary.rows >= self._block_rows or now - last.first > self._seconds / BLOCKS:
            last = Block(now, now, nothing(self.bins))
            self._blocks.append(last)
        return last

    def _forget(self, now: float) -> None:
        """Let go of the oldest blocks while there are too many rows, or they're too old."""
        rows = self.rows
        while self._blocks and (rows > self._rows or now - self._blocks[0].first > self._seconds):
            rows -= self._blocks.popleft().summary.rows
