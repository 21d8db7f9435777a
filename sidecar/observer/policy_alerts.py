"""Alerts of policies: which rule, for which call, when. The latest are kept, all are logged, though not too
often.

Counterparts: a rule with `action: alert` (`sidecar.policy.rules`), and `sidecar.console.policy_view`, which
lists them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable

import msgspec

from sidecar.exchange import Record

log = logging.getLogger(__name__)

KEPT = 100
"""Alerts that are listed."""

LOGGED_SECONDS = 60.0
"""A rule is logged this often at most: under attack every call may be worth an alert."""

MOST_RULES = 500
"""Rules whose last line in the log is remembered."""


class PolicyAlert(msgspec.Struct, frozen=True):
    """One call that a rule wanted somebody to look at."""

    rule: str
    time: float
    request_id: str
    trace: str
    verdict: str
    p: float
    dry_run: bool


class PolicyAlerts:
    """The latest alerts."""

    def __init__(self) -> None:
        self.latest: deque[PolicyAlert] = deque(maxlen=KEPT)
        self._logged: dict[str, float] = {}

    def update(self, records: Iterable[Record], now: float) -> None:
        """Take in finished exchanges."""
        for record in records:
            for hit in record.hits:
                if hit.action == "alert":
                    alert = PolicyAlert(
                        hit.rule,
                        record.started_ns / 1e9,
                        record.id,
                        record.span.trace,
                        record.verdict,
                        record.p,
                        hit.dry_run,
                    )
                    self.latest.appendleft(alert)
                    self._log(alert, now)

    def _log(self, alert: PolicyAlert, now: float) -> None:
        if alert.dry_run or now - self._logged.get(alert.rule, -LOGGED_SECONDS) < LOGGED_SECONDS:
            return
        if len(self._logged) >= MOST_RULES:
            self._logged.clear()
        self._logged[alert.rule] = now
        log.warning("policy %s alerts: call %s, %s", alert.rule, alert.request_id, alert.verdict)
