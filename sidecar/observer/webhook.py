"""Tells somebody of alerts, by HTTP, in the two forms that Alertmanager knows.

    a URL that ends in /api/v2/alerts   is an Alertmanager: a list of alerts, as Prometheus sends it
                                        (https://prometheus.io/docs/alerting/latest/alerts_api/)
    any other URL                       is a receiver: the message of `webhook_config`, version "4"
                                        (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config)

One message is under way at a time, and what it says is made when it's
sent: a receiver that is away costs no memory, and when it's back it hears how things stand. Counterpart:
`sidecar.observer.alerts`, which decides what is due.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec

from sidecar.observer.alerts import Alert, Alerts, Standing, is_alertmanager
from sidecar.observer.policy_alerts import RULE
from sidecar.observer.routes import Key
from sidecar.observer.verdict import Verdict

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between looks at the verdicts."""

PATIENCE = 10.0
"""Seconds for a receiver to answer."""

SLOWEST_SECONDS = 300.0
"""Between two tries at most; the first is after a second, then each pause is twice the last."""

SAID = 200
"""Characters of a refusal that are logged."""

NEVER = "0001-01-01T00:00:00Z"
"""When an alert ends that stands: the zero time of Go, as Alertmanager writes it."""


class Receiver:
    """Who is told, and how. `service` names the model's service, `back` is our own admin URL."""

    def __init__(self, url: str, service: str, back: str = "", token_file: str = "") -> None:
        self.url = url
        self.is_alertmanager = is_alertmanager(url)
        self._service = service
        self._back = f"{back}/api/v1/verdict" if back else ""
        self._token_file = token_file

    def body(self, alerts: Sequence[Alert]) -> bytes:
        """The message about these alerts."""
        told = [self._told(alert) for alert in alerts]
        if self.is_alertmanager:
            wanted = ("labels", "annotations", "startsAt", "endsAt", "generatorURL")
            # Without an end it stands, until it isn't sent again.
            listed = [{name: one[name] for name in wanted if one[name] != NEVER} for one in told]
            return msgspec.json.encode(listed)
        names = {"service": self._service}
        message = {
            "version": "4",
            "groupKey": f'{{}}:{{service="{self._service}"}}',
            "truncatedAlerts": 0,
            "status": "firing" if any(alert.firing for alert in alerts) else "resolved",
            "receiver": "sidecar",
            "groupLabels": names,
            "commonLabels": _common([one["labels"] for one in told]),
            "commonAnnotations": _common([one["annotations"] for one in told]),
            "externalURL": self._back.removesuffix("/api/v1/verdict"),
            "alerts": told,
        }
        return msgspec.json.encode(message)

    def _told(self, alert: Alert) -> dict[str, Any]:
        labels = {"severity": "warning", "service": self._service}
        if alert.part == RULE:
            labels |= {"alertname": "PolicyRule", "rule": alert.subject}
        else:
            named = "Model" + "".join(part.capitalize() for part in alert.verdict.split("-"))
            labels |= {"alertname": named, "verdict": alert.verdict, **alert.key._asdict()}
        labels = {name: value for name, value in labels.items() if value}
        return {
            "status": "firing" if alert.firing else "resolved",
            "labels": labels,
            "annotations": _of_rule(alert) if alert.part == RULE else _annotations(alert),
            "startsAt": _when(alert.began),
            "endsAt": _when(alert.ended) if alert.ended else NEVER,
            "generatorURL": self._back.replace("/verdict", "/policies") if alert.part == RULE else self._back,
            "fingerprint": hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
        }

    async def headers(self) -> dict[str, str]:
        """Read anew for each message, because tokens are renewed. Raises OSError."""
        headers = {"Content-Type": "application/json"}
        if self._token_file:
            token = await asyncio.to_thread(Path(self._token_file).read_text)
            headers["Authorization"] = f"Bearer {token.strip()}"
        return headers


class Told(Protocol):
    """Whose alerts they are: `sidecar.observer.observer.Observer`."""

    alerts: Alerts
    clock: Callable[[], float]

    def standing(self) -> list[tuple[Key, Verdict | Standing]]: ...


async def keep_alerting(observer: Told, receiver: Receiver) -> None:
    """Tell of what is due, until cancelled."""
    alerts, clock = observer.alerts, observer.clock
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        pause, next_try = LOOK_SECONDS, 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            alerts.update(observer.standing(), clock())
            due = alerts.due(clock())
            if not due or loop.time() < next_try:
                continue
            failure = await _post(session, receiver, receiver.body(due))
            if not failure:
                alerts.told(due, clock())
                pause = LOOK_SECONDS
                continue
            if not alerts.failure:
                log.error("an alert could not be delivered, it is tried again: %s", failure)
            alerts.not_told(failure)
            next_try = loop.time() + pause * random.uniform(0.8, 1.2)
            pause = min(2 * pause, SLOWEST_SECONDS)


async def _post(session: aiohttp.ClientSession, receiver: Receiver, body: bytes) -> str:
    """Send a message; why it could not be delivered, else empty."""
    try:
        headers = await receiver.headers()
        async with session.post(receiver.url, data=body, headers=headers, allow_redirects=False) as reply:
            if 200 <= reply.status < 300:
                return ""
            said = (await reply.content.read(SAID)).decode("utf-8", "replace")
            return f"{_shown(receiver.url)} answered {reply.status}: {said}"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return f"{_shown(receiver.url)}: {type(error).__name__}: {error}"


def _shown(url: str) -> str:
    """A URL for the log: the path of a webhook is often its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


def _annotations(alert: Alert) -> dict[str, str]:
    model = alert.key.model or alert.key.route
    of = f" (version {alert.key.version})" if alert.key.version else ""
    since = datetime.fromtimestamp(alert.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    what = f"{alert.part} {alert.subject}"
    return {
        "summary": f"{alert.verdict} of {model}{of} in {what}",
        "description": f"{what[0].upper()}{what[1:]} moved, most likely at {since}; "
        f"log evidence {alert.evidence:.1f}. /api/v1/verdict of the sidecar has every number.",
        "subject": alert.subject,
        "since": _when(alert.since),
    }


def _of_rule(alert: Alert) -> dict[str, str]:
    return {
        "summary": f"policy rule {alert.subject} applies",
        "description": f"{alert.note} /api/v1/policies of the sidecar lists the calls.",
        "since": _when(alert.since),
    }


def _common(many: Sequence[dict[str, str]]) -> dict[str, str]:
    first, *rest = many
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in rest)}


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
