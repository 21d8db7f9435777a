"""Which calls are exported: those the head sampled, and those nobody should have to miss.

The head decides before anything is known of a call. Afterwards an anomalous, a failed or an unusually slow
call is kept also when the head said no. All of it within budgets, so that neither an attack nor an outage
floods the collector. Counterpart: `sidecar.tracing.sampling`, the head.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeAlias

from sidecar.exchange import Outbound, Record
from sidecar.tracing.routes import route
from sidecar.tracing.slow import Pace

Reason: TypeAlias = Literal["", "head", "anomalous", "failed", "slow"]
"""Why a call is exported; empty: it is not."""

BUDGETS: dict[Reason, float] = {
    # Calls a second, and how many may come at once after a quiet second. One exported call costs the
    # observer about 0.25 ms, most of it in the SDK and in protobuf, so the head's budget is a quarter of a
    # core: windows and drift share that core, and come first. The others are small beside it.
    "head": 1000.0,
    "anomalous": 50.0,
    "failed": 25.0,
    "slow": 5.0,
}


class Budget:
    """At most `rate` a second, counted by a bucket that refills steadily and holds one second's worth."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._left = rate
        self._seen = now

    def take(self, now: float) -> bool:
        """May one more pass at `now`, in seconds of a steady clock?"""
        self._left = min(self._rate, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Keep:
    """Decides call by call, in the order they ended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._budgets = {reason: Budget(rate, clock()) for reason, rate in BUDGETS.items()}
        self._paces: dict[str, Pace] = {}
        self.dropped = 0
        """Calls that were to be exported and were over their budget."""

    def update(self, record: Record) -> Reason:
        """Why this call is exported, or an empty string."""
        slow = self._slow(record)
        reason: Reason = "head" if record.span.sampled else _worth(record) or ("slow" if slow else "")
        if reason and not self._budgets[reason].take(self._clock()):
            self.dropped += 1
            return ""
        return reason

    def missed(self, calls: int) -> None:
        """So many sampled calls were told in numbers only (`sidecar.proxy.briefs`): far over the budget."""
        self.dropped += calls

    def update_outbound(self, call: Outbound) -> Reason:
        """Why a call of the model's own is exported by itself, or an empty string. (It is exported too
        when the call it was made for is.)"""
        record = call.record
        reason: Reason = "head" if record.span.sampled else _worth(record)
        if reason and not self._budgets[reason].take(self._clock()):
            self.dropped += 1
            return ""
        return reason

    def _slow(self, record: Record) -> bool:
        # Routes come from a fixed table, so there are never many paces.
        found = route(record.target.partition("?")[0])
        pace = self._paces.get(found)
        if pace is None:
            pace = self._paces[found] = Pace()
        return pace.update(record.ended_ns / 1e9)


def _worth(record: Record) -> Reason:
    if record.verdict in ("outlier", "adversarial"):
        return "anomalous"
    if record.failure or record.status >= 500:
        return "failed"
    return ""
