"""A text -> its length, and how surprising its letters are: on the whole, and where they are most so.

Every run of three bytes has a surprise, -log of its share in the reference, read from one table of 65,536
hashed runs. Their mean is high for another language, code or noise; the highest mean over 12 runs in a row
is high where a stretch does not belong: appended nonsense leaves the mean of a long text nearly as it was.
It's how adversarial suffixes are looked for (Jain et al. 2023, "Baseline Defenses for Adversarial Attacks
Against Aligned Language Models", the windowed perplexity), with runs of bytes in place of a language model.
docs/baselines.md has what was measured. Counterpart: `sidecar.baseline.columns.texts`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.features.cells import label

BITS = 16
"""Of a hash. With 12 or 14 of them planted oddities were found less often: too many runs share a place."""

TABLE_BYTES = 2**BITS

STEP = 1.0 / 16.0
"""Nats that one step of the table stands for: a byte reaches to 15.9 nats, one run in 8 million."""

WINDOW = 12
"""Runs in a row whose mean surprise is taken."""

LOOKED_AT = 8_192
"""Bytes of a text that are looked at: 0.2 ms. Its length is counted whole."""

PRIOR = 0.5
"""Times that a run was seen which was not."""

_MULTIPLIER = np.uint32(0x9E3779B1)
"""2^32 over the golden ratio (Knuth 1973, volume 3, section 6.4: multiplicative hashing)."""


def places(text: str) -> NDArray[np.uint32]:
    """The table's place of each run of three bytes; the text stands between zeros, which mark its ends."""
    encoded = text[:LOOKED_AT].encode("utf-8", "surrogatepass")[:LOOKED_AT]
    bytes_ = np.frombuffer(b"\0" + encoded + b"\0\0"[: 2 if not encoded else 1], np.uint8).astype(np.uint32)
    runs = bytes_[:-2] << np.uint32(16) | bytes_[1:-1] << np.uint32(8) | bytes_[2:]
    places_: NDArray[np.uint32] = runs * _MULTIPLIER >> np.uint32(32 - BITS)
    return places_


def learned(texts: Iterable[str]) -> bytes:
    """The table of the surprise of every run in `texts`, in steps: 65,536 bytes."""
    counts = np.zeros(2**BITS)
    for text in texts:
        np.add.at(counts, places(text), 1.0)
    nats = -np.log((counts + PRIOR) / (counts.sum() + PRIOR * counts.size))
    table: NDArray[np.uint8] = np.clip(np.rint(nats / STEP), 0, 255).astype(np.uint8)
    return table.tobytes()


class TextReading(msgspec.Struct, frozen=True, dict=True, tag_field="kind", tag="text"):
    """How one column of text is read."""

    column: str
    table: bytes = b""
    """`learned` from the reference. Kept apart from the schema's other parts, in the arrays of a baseline."""

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """`comment length`, `comment surprise`, `comment oddest`."""
        return (f"{self.column} length", f"{self.column} surprise", f"{self.column} oddest")

    @cached_property
    def _steps(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.table, np.uint8)

    def read(self, column: NDArray[Any]) -> tuple[Matrix, dict[int, str]]:
        """Length (log2 of 1 + characters), mean and highest surprise (nats) of each text, (rows, 3), NaN
        where missing."""
        rows = [self._one(label(cell)) for cell in column.tolist()]
        return np.array(rows, dtype=np.float64).reshape(-1, 3), {}

    def _one(self, text: str | None) -> tuple[float, float, float]:
        if text is None:
            return math.nan, math.nan, math.nan
        sums = np.cumsum(self._steps[places(text)], dtype=np.int64)
        mean = float(sums[-1]) / sums.size
        oddest = mean
        if sums.size > WINDOW:
            oddest = max(int((sums[WINDOW:] - sums[:-WINDOW]).max()), int(sums[WINDOW - 1])) / WINDOW
        return math.log2(1.0 + len(text)), mean * STEP, oddest * STEP
