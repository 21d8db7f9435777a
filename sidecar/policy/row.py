"""One row of a call's features, as rules see it: a mapping that reads a number when it is asked for.

Counterpart: `sidecar.policy.known`, whose `features`, `lowest` and `highest` are such rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from struct import Struct


class Row(Mapping[str, float]):
    """One value for each feature, by its name: those from place `start` on in a block of doubles."""

    __slots__ = ("_block", "_index", "_start")

    def __init__(self, block: bytes, start: int, index: Mapping[str, int]) -> None:
        self._block = block
        self._start = start
        self._index = index

    def __getitem__(self, name: str) -> float:
        value: float = _double(self._block, 8 * (self._start + self._index[name]))[0]
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


_double = Struct("<d").unpack_from


_latest: tuple[tuple[str, ...], dict[str, int]] = ((), {})
"""Mostly the next row has the same names, in the very same tuple: told by a glance, not by a hash of them
all."""


def index_of(names: tuple[str, ...]) -> dict[str, int]:
    """Where each feature stands in a row."""
    global _latest
    known, index = _latest
    if known is not names:
        index = _index_of(names)
        _latest = (names, index)
    return index


@lru_cache(maxsize=16)
def _index_of(names: tuple[str, ...]) -> dict[str, int]:
    return {name: i for i, name in enumerate(names)}
