"""Token buckets by key: so many calls a second, and a burst on top, for each caller, in bounded memory.

A bucket is kept as one number, the time at which it will be full again (the generic cell rate algorithm,
ITU-T I.371): each call moves it on by one interval, and a call that would move it further than the burst
reaches has to wait.
"""

from __future__ import annotations

from collections import OrderedDict

MOST_KEYS = 10_000
"""Buckets. Beyond, the one that was used the longest ago is forgotten, and so is full again."""


class Buckets:
    """Buckets that take `rate` calls a second and hold `burst`."""

    __slots__ = ("_full_at", "_interval", "_reach")

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1.0 / rate
        self._reach = (burst - 1) / rate
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Take a token: 0.0, or the seconds until there is one."""
        full_at = max(self._full_at.get(key, now), now)
        wait = full_at - self._reach - now
        if wait > 1e-9:  # rounding is no reason to turn anybody away
            return wait
        self._full_at[key] = full_at + self._interval
        self._full_at.move_to_end(key)
        if len(self._full_at) > MOST_KEYS:
            self._full_at.popitem(last=False)
        return 0.0
