"""How long a call usually takes, and whether one was slow. In constant space.

Used by `sidecar.tracing.keep` (spans of a slow call are exported) and `sidecar.proxy.briefs` (a slow call is
told whole).
"""

from __future__ import annotations

import math

SLOW = 4.0
"""A call is slow when it takes this many times the median of its route."""

SETTLED = 100
"""Calls of a route before its median says anything."""

_STEP = 0.02


class Pace:
    """A running median of durations: stochastic approximation of the logarithm's median (Robbins and Monro
    1951). Each call moves it 2 % towards itself, so it follows a model that changes."""

    def __init__(self) -> None:
        self.calls = 0
        self._log = 0.0

    def update(self, seconds: float) -> bool:
        """Take in one more duration, in seconds. Returns whether it is slow beside those before."""
        value = math.log(max(seconds, 1e-9))
        slow = self.calls >= SETTLED and value > self._log + math.log(SLOW)
        if self.calls == 0:
            self._log = value
        elif value != self._log:
            self._log += _STEP if value > self._log else -_STEP
        self.calls += 1
        return slow

    def snapshot(self) -> float:
        """The median in seconds; infinite until `SETTLED` calls have been seen."""
        return math.exp(self._log) if self.calls >= SETTLED else math.inf
