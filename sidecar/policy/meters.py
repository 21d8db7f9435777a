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

CROWDED = MOST_KEYS // 2
"""Keys from which on it is noted with every call which was quiet the longest: before, none will be forgotten
soon."""


class Meter:
    """Calls by key over a window of `seconds`."""

    __slots__ = ("_counts", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._counts: OrderedDict[str, list[int]] = OrderedDict()
        """Key -> [number of the stretch, calls in it, calls in the one before]."""

    def __len__(self) -> int:
        return len(self._counts)

    def update(self, key: str, now: float) -> None:
        """Count a call."""
        stretch = int(now / self.seconds)
        count = self._counts.get(key)
        if count is None:
            self._counts[key] = [stretch, 1, 0]
            if len(self._counts) > MOST_KEYS:
                self._counts.popitem(last=False)
            return
        if count[0] == stretch:
            count[1] += 1
        else:
            count[:] = stretch, 1, count[1] if count[0] == stretch - 1 else 0
        if len(self._counts) > CROWDED:
            self._counts.move_to_end(key)

    def rate(self, key: str, now: float) -> float:
        """Calls a second over the window that ends now."""
        count = self._counts.get(key)
        if count is None:
            return 0.0
        place = now / self.seconds
        last, present, before = count
        stretch = int(place)
        if last != stretch:
            present, before = 0, present if last == stretch - 1 else 0
        return (present + before * (1.0 - place % 1.0)) / self.seconds
