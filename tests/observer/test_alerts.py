"""Who is told of what, when: dialogues of verdicts, messages and time."""

import msgspec
import pytest

from sidecar.observer import alerts as module
from sidecar.observer.alerts import Alert, Alerts, alerts_of, is_alertmanager
from sidecar.observer.routes import Key
from sidecar.observer.verdict import Verdict
from tests.observer.test_observer import settings

FLOW = Key("iris", "3", "/v1/models/{model}:predict")
DRIFT = Verdict("feature-drift", "moved", "as-before", "age", 90.0, 31.5, part="feature")
STABLE = Verdict("stable", "as-reference", "as-before")
REPEAT, SILENCE = 1000.0, 100.0


@pytest.fixture
def alerts():
    return Alerts(REPEAT, SILENCE)


def hears(alerts, verdict, now, delivered=True, key=FLOW):
    """What is told now, as (verdict, firing)."""
    alerts.update([(key, verdict)], now)
    due = alerts.due(now)
    if due and delivered:
        alerts.told(due, now)
    return [(alert.verdict, alert.firing) for alert in due]


FIRING, RESOLVED = [("feature-drift", True)], [("feature-drift", False)]


def test_an_alert_is_told_once_repeated_and_called_off(alerts):
    assert hears(alerts, STABLE, 0) == []
    assert hears(alerts, DRIFT, 100) == FIRING
    assert hears(alerts, DRIFT, 101) == []
    assert hears(alerts, DRIFT, 1099) == []
    assert hears(alerts, DRIFT, 1100) == FIRING, "a reminder"
    assert alerts.firing == 1
    assert hears(alerts, STABLE, 1200) == RESOLVED
    assert hears(alerts, STABLE, 1201) == []
    assert (alerts.firing, alerts.sent) == (0, 3)


def test_what_comes_back_within_the_silence_waits_for_its_end(alerts):
    assert hears(alerts, DRIFT, 100) == FIRING
    assert hears(alerts, STABLE, 110) == RESOLVED
    assert hears(alerts, DRIFT, 120) == []
    assert hears(alerts, STABLE, 130) == [], "nobody heard that it began, so nobody need hear that it ended"
    assert hears(alerts, DRIFT, 140) == []
    assert hears(alerts, DRIFT, 199) == []
    assert hears(alerts, DRIFT, 200) == FIRING, "it still stands"


def test_another_verdict_or_another_flow_is_another_alert(alerts):
    other = FLOW._replace(model="wine")
    assert hears(alerts, DRIFT, 100) == FIRING
    alerts.update([(FLOW, DRIFT), (other, DRIFT)], 110)
    assert [alert.key.model for alert in alerts.due(110)] == ["wine"]
    skew = DRIFT._replace(name="skew")
    alerts.update([(FLOW, skew), (other, STABLE)], 120)
    told = [(alert.key.model, alert.verdict, alert.firing) for alert in alerts.due(120)]
    assert told == [
        ("iris", "skew", True),
        ("iris", "feature-drift", False),
        ("wine", "feature-drift", False),
    ]


def test_another_subject_is_the_same_alert_with_other_words(alerts):
    assert hears(alerts, DRIFT, 100) == FIRING
    alerts.update([(FLOW, DRIFT._replace(subject="income"))], 110)
    assert alerts.due(110) == ()
    assert [(alert.subject, alert.began) for alert in alerts.due(1100)] == [("income", 100)]


def test_nothing_is_lost_while_nobody_listens(alerts):
    assert hears(alerts, DRIFT, 100, delivered=False) == FIRING
    alerts.not_told("refused")
    assert hears(alerts, DRIFT, 200, delivered=False) == FIRING
    assert hears(alerts, STABLE, 300, delivered=False) == RESOLVED
    assert (alerts.failed, alerts.failure, alerts.sent) == (1, "refused", 0)
    assert hears(alerts, STABLE, 400) == RESOLVED
    assert hears(alerts, STABLE, 500) == []
    assert alerts.failure == ""


def test_a_flow_that_is_gone_is_no_alert_any_more(alerts):
    assert hears(alerts, DRIFT, 100) == FIRING
    alerts.update([], 200)
    assert [alert.firing for alert in alerts.due(200)] == [False]


def test_what_changed_while_a_message_was_under_way_is_told_next(alerts):
    alerts.update([(FLOW, DRIFT)], 100)
    under_way = alerts.due(100)
    alerts.update([(FLOW, STABLE)], 101)
    alerts.told(under_way, 102)
    assert [alert.firing for alert in alerts.due(103)] == [False]


def test_a_restored_state_neither_repeats_nor_forgets(alerts):
    assert hears(alerts, DRIFT, 100) == FIRING
    again = Alerts(REPEAT, SILENCE)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(alerts.keep()), type=tuple[Alert, ...]))
    assert hears(again, DRIFT, 200) == []
    assert hears(again, STABLE, 300) == RESOLVED


def test_the_state_is_bounded(alerts):
    for i in range(1000):
        alerts.update([(FLOW._replace(version=str(i)), DRIFT)], float(i))
    assert len(alerts.keep()) <= module.MOST + 1
    assert alerts.due(1000.0)[0].key.version == "999"


def test_an_alertmanager_gets_every_minute_what_stands_and_silences_itself():
    url = "http://alerts:9093/api/v2/alerts"
    assert is_alertmanager(url)
    assert is_alertmanager("https://x/prefix/api/v2/alerts/")
    assert not is_alertmanager("http://chat/hook?to=/api/v2/alerts")
    alerts = alerts_of(settings(alert_url=url))
    assert hears(alerts, DRIFT, 100) == FIRING
    assert hears(alerts, DRIFT, 160) == FIRING
    assert hears(alerts, STABLE, 161) == RESOLVED
    assert hears(alerts, DRIFT, 162) == FIRING
    usual = alerts_of(settings(alert_url="http://chat/hook"))
    assert hears(usual, DRIFT, 100) == FIRING
    assert hears(usual, DRIFT, 160) == []
