"""Alerts of policies: which rule, for which call, when. The latest are kept, all are logged, though not too
often, and a rule that keeps applying stands as one alert.

Counterparts: a rule with `action: alert` (`sidecar.policy.rules`); `sidecar.console.policy_view`, which lists
them; `sidecar.observer.alerts`, which has somebody told.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from sidecar.exchange import Record
from sidecar.observer.alerts import Standing
from sidecar.observer.routes import Key

log = logging.getLogger(__name__)

KEPT = 100
"""Alerts that are listed."""

LOGGED_SECONDS = 60.0
"""A rule is logged this often at most: under attack every call may be worth an alert."""

MOST_RULES = 500
"""Rules that are remembered: when they were logged last, and since when they stand."""

STANDS_SECONDS = 300.0
"""A rule's alert is over when it has not applied for so long."""

RULE = "rule"
"""The `part` of a rule's alert."""

NO_FLOW = Key("", "", "")


class PolicyAlert(msgspec.Struct, frozen=True):
    """One call that a rule wanted somebody to look at."""

    rule: str
    time: float
    request_id: str
    trace: str
    verdict: str
    p: float
    dry_run: bool
    detail: str = ""


class Stretch(NamedTuple):
    """A rule that keeps applying: to how many calls, since when, and the latest of them."""

    calls: int
    since: float
    seen: float
    latest: PolicyAlert


class KeptPolicyAlerts(msgspec.Struct, frozen=True):
    """Alerts of policies as they are kept on disk; the latest first."""

    latest: tuple[PolicyAlert, ...]
    stretches: dict[str, Stretch]


class PolicyAlerts:
    """The latest alerts."""

    def __init__(self) -> None:
        self.latest: deque[PolicyAlert] = deque(maxlen=KEPT)
        self._logged: dict[str, float] = {}
        self._stretches: dict[str, Stretch] = {}

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
                        hit.detail,
                    )
                    self.latest.appendleft(alert)
                    if not alert.dry_run:
                        self._stretch(alert, now)
                        self._log(alert, now)

    def standing(self, now: float) -> list[tuple[Key, Standing]]:
        """The rules that applied lately."""
        for rule in [rule for rule, one in self._stretches.items() if now - one.seen > STANDS_SECONDS]:
            del self._stretches[rule]
        return [
            (NO_FLOW, Standing(f"{RULE} {rule}", rule, one.since, 0.0, RULE, _note(one)))
            for rule, one in self._stretches.items()
        ]

    def keep(self) -> KeptPolicyAlerts:
        """What `restore` needs."""
        return KeptPolicyAlerts(tuple(self.latest), dict(self._stretches))

    def restore(self, kept: KeptPolicyAlerts) -> None:
        """Go on from a snapshot: a rule that stands isn't over because we were away."""
        self.latest.extend(kept.latest)
        self._stretches = dict(kept.stretches)

    def _stretch(self, alert: PolicyAlert, now: float) -> None:
        before = self._stretches.get(alert.rule)
        if before is None and len(self._stretches) >= MOST_RULES:
            return
        calls, since = (before.calls, before.since) if before is not None else (0, alert.time)
        self._stretches[alert.rule] = Stretch(calls + 1, since, now, alert)

    def _log(self, alert: PolicyAlert, now: float) -> None:
        if now - self._logged.get(alert.rule, -LOGGED_SECONDS) < LOGGED_SECONDS:
            return
        if len(self._logged) >= MOST_RULES:
            self._logged.clear()
        self._logged[alert.rule] = now
        said = f": {alert.detail}" if alert.detail else ""
        log.warning("policy %s alerts: call %s, %s%s", alert.rule, alert.request_id, alert.verdict, said)


def _note(one: Stretch) -> str:
    """What the alert says of a rule that stands."""
    latest, calls = one.latest, f"{one.calls} call{'s' if one.calls > 1 else ''}"
    detail = f"{latest.detail} " if latest.detail else ""
    return f"{detail}It applied to {calls}, last to {latest.request_id} ({latest.verdict})."
