"""Alerts: what somebody should be told of now, again, or that it is over. Pure state, no I/O.

    a verdict appears --- announced --- repeated while it stands --- told that it is over
             |                                                           |
             `-- not within `silence` of the last time that it was announced: it waits, or ends unheard

An alert is one verdict on one flow, or one rule of a policy; what it says may change while it stands. What
was announced and to what end is only believed once it was delivered (`told`), so nothing is lost while nobody
listens. Counterparts: `sidecar.observer.webhook` delivers, `sidecar.observer.verdict` judges, and
`sidecar.observer.policy_alerts` knows the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from sidecar.observer.routes import Key
from sidecar.observer.verdict import Verdict
from sidecar.settings import Settings

MOST = 200
"""Alerts kept at most, standing ones, those that wait to be told of, and those whose silence isn't over. The
one that changed least recently goes first."""


ALERTMANAGER = "/api/v2/alerts"
"""What the path of an Alertmanager's URL ends in."""

ALERTMANAGER_SECONDS = 60.0
"""Between two messages to an Alertmanager about what stands: it forgets what it doesn't hear of for five
minutes, and repeats and silences by rules of its own."""


def is_alertmanager(url: str) -> bool:
    """Whether an Alertmanager listens at `url`, and no receiver of webhooks."""
    return urlsplit(url).path.rstrip("/").endswith(ALERTMANAGER)


def alerts_of(settings: Settings) -> Alerts:
    """The alerts of a sidecar with these settings."""
    if is_alertmanager(settings.alert_url):
        return Alerts(ALERTMANAGER_SECONDS, 0.0)
    return Alerts(settings.alert_repeat, settings.alert_silence)


class Standing(NamedTuple):
    """A rule that wants somebody to look, in the form of a verdict. `since` is in Unix seconds."""

    name: str
    subject: str
    since: float
    evidence: float
    part: str
    note: str


class Alert(msgspec.Struct, frozen=True):
    """One verdict on one flow, times in Unix seconds, 0 for never. `evidence` is a natural logarithm. `note`
    is what a rule says; `part` is `rule` then, and the key is empty."""

    key: Key
    verdict: str
    subject: str
    part: str
    since: float
    evidence: float
    began: float
    ended: float = 0.0
    told: float = 0.0
    """When it was last delivered while it stood."""
    over: bool = False
    """Whether there's nothing more to tell."""
    last_told: float = 0.0
    """When the same alert was last delivered before it began anew."""
    note: str = ""

    @property
    def firing(self) -> bool:
        return not self.ended


class Alerts:
    """The alerts of one sidecar. `repeat` and `silence` are seconds."""

    def __init__(self, repeat: float, silence: float) -> None:
        self.sent = 0
        """Messages delivered."""
        self.failed = 0
        """Messages that were not, each try."""
        self.failure = ""
        """Why the last one was not; empty once one is."""
        self._repeat, self._silence = repeat, silence
        self._alerts: dict[tuple[Key, str], Alert] = {}

    def update(self, verdicts: Iterable[tuple[Key, Verdict | Standing]], now: float) -> None:
        """Take over how everything stands."""
        standing: dict[tuple[Key, str], Verdict | Standing] = {
            (key, found.name): found for key, found in verdicts if found.subject
        }
        for name, found in standing.items():
            self._alerts[name] = self._standing(name, found, now)
        for name, alert in list(self._alerts.items()):
            if name not in standing and alert.firing:
                # What nobody was to hear of needn't be called off.
                unheard = not alert.told and self._is_silent(alert, now)
                self._alerts[name] = msgspec.structs.replace(alert, ended=now, over=unheard)
        self._forget(now)

    def _standing(self, name: tuple[Key, str], found: Verdict | Standing, now: float) -> Alert:
        alert = self._alerts.get(name)
        facts = {"subject": found.subject, "part": found.part, "since": found.since}
        facts["evidence"] = found.evidence
        facts["note"] = found.note if isinstance(found, Standing) else ""
        if alert is not None and alert.firing:
            return msgspec.structs.replace(alert, **facts)
        last_told = max(alert.told, alert.last_told) if alert is not None else 0.0
        return Alert(*name, began=now, last_told=last_told, **facts)  # type: ignore[arg-type]

    def _is_silent(self, alert: Alert, now: float) -> bool:
        return bool(alert.last_told) and now - alert.last_told < self._silence

    def due(self, now: float) -> tuple[Alert, ...]:
        """What should be told now, standing ones first."""
        found = [alert for alert in self._alerts.values() if self._is_due(alert, now)]
        return tuple(sorted(found, key=lambda alert: (not alert.firing, alert.began)))

    def _is_due(self, alert: Alert, now: float) -> bool:
        if alert.over:
            return False
        if not alert.firing:
            return True
        if alert.told:
            return now - alert.told >= self._repeat
        return not self._is_silent(alert, now)

    def told(self, alerts: Sequence[Alert], now: float) -> None:
        """These were delivered."""
        self.sent, self.failure = self.sent + 1, ""
        for alert in alerts:
            name = alert.key, alert.verdict
            known = self._alerts.get(name)
            if known is None or known.began != alert.began:
                continue
            changed = {"told": now} if alert.firing else {"over": True}
            self._alerts[name] = msgspec.structs.replace(known, **changed)

    def not_told(self, reason: str) -> None:
        """A try to deliver failed."""
        self.failed, self.failure = self.failed + 1, reason

    @property
    def firing(self) -> int:
        """Alerts that stand."""
        return sum(alert.firing for alert in self._alerts.values())

    def _forget(self, now: float) -> None:
        """Let go of what is over and no longer silences, and of the oldest beyond the limit."""
        kept = {
            name: alert
            for name, alert in self._alerts.items()
            if not alert.over or now - max(alert.told, alert.last_told) < self._silence
        }
        by_age = sorted(kept.items(), key=lambda one: max(one[1].began, one[1].ended))
        self._alerts = dict(by_age[-MOST:])

    def keep(self) -> tuple[Alert, ...]:
        """What `restore` needs."""
        return tuple(self._alerts.values())

    def restore(self, kept: Iterable[Alert]) -> None:
        """Go on from a snapshot."""
        self._alerts = {(alert.key, alert.verdict): alert for alert in kept}
