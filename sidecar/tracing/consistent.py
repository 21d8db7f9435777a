"""Which calls are looked at closely: the same ones in every sidecar of a chain.

A call is taken when the last bits of its trace id are zero, which are random by W3C Trace Context level 2.
The busier a sidecar, the more bits must be; so whoever takes fewer takes a part of what the others take, and
calls that two sidecars kept can be laid side by side. Counterparts: the data plane sends the bodies of such
calls along, `sidecar.observer.paired` keeps their rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

CALLS = 50
"""Calls a second of which bodies are sent along, about. Decoding one takes the observer a tenth of a
millisecond."""

DEEPEST = 28
"""Bits at most; one call in a quarter of a billion."""


class Consistent:
    """Takes about `most` calls a second at most; none when that is 0."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._bits = 0
        self._taken = 0
        self._since = clock()

    def take(self, trace: str) -> bool:
        """Whether the call with this trace id (32 hex digits) is one of them."""
        if not self._most:
            return False
        now = self._clock()
        if now - self._since >= 1.0:
            if self._taken < self._most / 4 and self._bits:
                self._bits -= 1
            self._taken, self._since = 0, now
        try:
            if int(trace[-7:], 16) & ((1 << self._bits) - 1):
                return False
        except ValueError:
            return False
        self._taken += 1
        if self._taken > self._most and self._bits < DEEPEST:
            self._bits += 1
            self._taken //= 2
        return True
