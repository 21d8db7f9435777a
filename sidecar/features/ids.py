"""An id -> its shape: length, pattern of character classes, and its rarest character.

What an id says is nothing that a score could rank: the next customer's number is not odd for being new. Its
shape is: a UUID where numbers of eight digits were due, a quote, a line end. Counterpart:
`sidecar.baseline.columns.ids`, which decides which columns are ids and how closely their pattern is taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.features.cells import label

Level: TypeAlias = Literal["exact", "runs", "words", "outline", "none"]

LOOKED_AT = 256
"""Characters of an id that are looked at; its length is counted whole."""

FOLD = 256
"""Characters that are told apart: those of Latin-1; all others count as one that is never seen."""

_UPPER, _LOWER, _DIGIT = re.compile(r"[^\W\d_a-z]"), re.compile(r"[^\W\d_A-Z]"), re.compile(r"\d")
_RUN = re.compile(r"(.)\1+", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")


def exact(text: str) -> str:
    """`AB-1234` -> `AA-9999`."""
    return _UPPER.sub("A", _LOWER.sub("a", _DIGIT.sub("9", text)))


def runs(text: str) -> str:
    """`AB-1234` -> `A-9`: how many there are of a kind doesn't matter."""
    return _RUN.sub(r"\1", exact(text))


def words(text: str) -> str:
    """`3f2a-00b1` -> `4-4`: letters and digits mix, but not at any length."""
    return _WORD.sub(lambda word: str(len(word[0])), text)


def outline(text: str) -> str:
    """`3f2a-00b1` -> `x-x`: only what stands between counts."""
    return _WORD.sub("x", text)


PATTERNS: dict[Level, Callable[[str], str]] = {
    "exact": exact,
    "runs": runs,
    "words": words,
    "outline": outline,
    "none": lambda text: "",
}
"""From the closest pattern to none; the first that new ids of the reference's kind rarely break is taken."""


class IdReading(msgspec.Struct, frozen=True, dict=True, tag_field="kind", tag="id"):
    """How one column of ids is read. `patterns`: those of the reference, the most frequent first; `rarity`:
    for each character of Latin-1, and last for any other, -log of its share in the reference."""

    column: str
    level: Level
    patterns: tuple[str, ...]
    rarity: tuple[float, ...]

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """`user length`, `user pattern`, `user rarest`."""
        return (f"{self.column} length", f"{self.column} pattern", f"{self.column} rarest")

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {pattern: rank for rank, pattern in enumerate(self.patterns)}

    def read(self, column: NDArray[Any]) -> tuple[Matrix, dict[int, str]]:
        """Length, pattern's rank and rarest character's rarity of each id, (rows, 3), NaN where missing."""
        rows = [self._one(label(cell)) for cell in column.tolist()]
        return np.array(rows, dtype=np.float64).reshape(-1, 3), {}

    def _one(self, text: str | None) -> tuple[float, float, float]:
        if text is None:
            return math.nan, math.nan, math.nan
        seen = text[:LOOKED_AT]
        rank = self._ranks.get(PATTERNS[self.level](seen), len(self.patterns))
        rarity = self.rarity
        rarest = max([rarity[min(ord(char), FOLD)] for char in set(seen)], default=rarity[FOLD])
        return float(len(text)), float(rank), rarest
