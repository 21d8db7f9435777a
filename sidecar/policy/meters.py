"""How often calls come, counted by a key such as the caller's address, over a sliding window, in bounded
memory.

The window slides by two counters a key: the calls of the present stretch of time, and those of the one
before, of which as much counts as still lies in the window. So a steady rate is told exactly and a sudden
one late by no more than the window. (The same approximation as in nginx-like rate limits that keep no list
of times.)
"""

from __future__ import annotations

from collections import OrderedDict

MOST_KEYS = 10_000
"""Keys of one meter. Beyond, the one that was quiet the longest is forgotten."""


class Meter:
    """Calls by key over a window of `seconds`."""

    __slots__ = ("_counts", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        """Key -> (number of the stretch, calls in it, calls in the one before)."""

    def __len__(self) -> int:
        return len(self._counts)

    def update(self, key: str, now: float) -> None:
        """Count a call."""
        stretch = int(now / self.seconds)
        present, before = self._at(key, stretch)
        self._counts[key] = (stretch, present + 1, before)
        self._counts.move_to_end(key)
        if len(self._counts) > MOST_KEYS:
            self._counts.popitem(last=False)

    def rate(self, key: str, now: float) -> float:
        """Calls a second over the window that ends now."""
        place = now / self.seconds
        present, before = self._at(key, int(place))
        return (present + before * (1.0 - place % 1.0)) / self.seconds

    def _at(self, key: str, stretch: int) -> tuple[int, int]:
        """Calls in this stretch and in the one before."""
        last, present, before = self._counts.get(key, (stretch, 0, 0))
        if last == stretch:
            return present, before
        return 0, present if last == stretch - 1 else 0
