"""Which calls are looked at closely: the same ones in every sidecar of a chain.

A call is taken when the last bits of its trace id are zero, which are random by W3C Trace Context level 2.
The busier a sidecar, the more bits must be; so whoever takes fewer takes a part of what the others take, and
calls that two sidecars kept can be laid side by side. Counterparts: the data plane sends the bodies of such
calls along (`sidecar.proxy.told_bodies`), `sidecar.observer.paired` keeps their rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

CALLS = 50
"""Calls a second of which bodies are sent along, about. Decoding one takes the observer a tenth of a
millisecond."""

SAVED_SECONDS = 10.0
"""What was not taken in so many seconds may be taken at once: a story of a few hundred calls is kept whole,
however fast it is told."""

DEEPEST = 2**28 - 1
"""Bits at most: one call in a quarter of a billion."""


class Consistent:
    """Takes about `most` calls a second in the long run; none when that is 0."""

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        saved_seconds: float = SAVED_SECONDS,
    ) -> None:
        self._most = most
        self._clock = clock
        self._mask = 0
        """Bits of a trace id that must be zero."""
        self._full = saved_seconds * most
        self._saved = self._full
        self._saved_at = self._eased_at = clock()

    def take(self, trace: str) -> bool:
        """Whether the call with this trace id (32 hex digits) is one of them."""
        if not self._most:
            return False
        self._save(self._clock())
        if self._mask:
            try:
                if int(trace[-7:], 16) & self._mask:
                    return False
            except ValueError:
                return False
        self._saved -= 1.0
        if self._saved <= 0.0 and self._mask < DEEPEST:
            self._mask = 2 * self._mask + 1
            self._saved = self._most / 2
        return True

    def charge(self) -> None:
        """One more was taken, for another reason."""
        self._saved = max(0.0, self._saved - 1.0)

    def _save(self, now: float) -> None:
        """What time brings; half of all that can be saved is enough to look at twice as many again."""
        self._saved = min(self._full, self._saved + self._most * (now - self._saved_at))
        self._saved_at = now
        if self._mask and self._saved >= self._full / 2 and now - self._eased_at >= 1.0:
            self._mask >>= 1
            self._eased_at = now
