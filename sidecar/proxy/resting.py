"""Which models are left alone for a while, because they do not answer.

Asking a model that is away costs a connection attempt for every call, or a time-out. So after
a few failures in a row it is left alone, for longer each time, and then asked once to see whether it is back.
Counterpart: `sidecar.proxy.shadowing`, which asks only what somebody may do without.
"""

from __future__ import annotations

TOLERATED = 5
"""Failures in a row before a model is left alone."""

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 5.0
"""For how long: twice as long each time, up to the longest."""


class Silence:
    """One model that did not answer."""

    __slots__ = ("failures", "rests", "until")

    def __init__(self) -> None:
        self.failures = self.rests = 0
        self.until = 0.0


class Resting:
    """The models that did not answer when they were last asked, by URL. Times are of a monotonic clock, in
    seconds."""

    def __init__(self) -> None:
        self._silent: dict[str, Silence] = {}

    def rests(self, url: str, now: float) -> bool:
        """Whether not to ask it now. Once its time is over, the first who wants to ask may; the others know
        more when that one does."""
        silence = self._silent.get(url)
        if silence is None or not silence.rests:
            return False
        if now < silence.until:
            return True
        silence.until = now + LONGEST_SECONDS  # if nobody ever hears of this question, there is another then
        silence.failures = TOLERATED - 1
        return False

    def update(self, url: str, answered: bool, now: float) -> None:
        """It was asked, and this came of it."""
        if answered:
            self._silent.pop(url, None)
            return
        silence = self._silent.setdefault(url, Silence())
        silence.failures += 1
        if silence.failures == TOLERATED:  # beyond: of questions from before it was left alone
            silence.until = now + min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(silence.rests, 16))
            silence.rests += 1

    def keep(self, urls: set[str]) -> None:
        """Forget all others: no policy names them any more."""
        for url in self._silent.keys() - urls:
            del self._silent[url]
