"""Alerts are listed, newest first, and logged, each rule once a minute."""

import msgspec

from sidecar.exchange import Hit
from sidecar.observer.policy_alerts import (
    KEPT,
    MOST_RULES,
    NO_FLOW,
    STANDS_SECONDS,
    KeptPolicyAlerts,
    PolicyAlerts,
)
from sidecar.observer.snapshot import decode, encode
from tests.observer.talk import record

ALERT, TAG, DRY = Hit("p/look", "alert"), Hit("p/tag", "tag"), Hit("p/try", "alert", True)


def of(number: int, *hits: Hit):
    return msgspec.structs.replace(record(number), hits=hits)


def test_the_latest_are_listed(caplog):
    alerts = PolicyAlerts()
    alerts.update([of(1, TAG), of(2, TAG, ALERT), of(3), of(4, DRY)], 1000.0)
    assert [(one.rule, one.request_id, one.dry_run) for one in alerts.latest] == [
        ("p/try", record(4).id, True),
        ("p/look", record(2).id, False),
    ]
    assert [one.getMessage() for one in caplog.records] == [
        f"policy p/look alerts: call {record(2).id}, {record(2).verdict}"
    ]
    alerts.update([of(i, ALERT) for i in range(2 * KEPT)], 1059.0)
    assert len(alerts.latest) == KEPT
    assert len(caplog.records) == 1
    alerts.update([of(5, ALERT)], 1061.0)
    assert len(caplog.records) == 2


def test_a_rule_that_keeps_applying_stands_as_one_alert_until_it_has_not_for_long(caplog):
    alerts = PolicyAlerts()
    told = Hit("p/look", "alert", detail="Somebody walks.")
    alerts.update([of(1, told), of(2, told), of(3, DRY, TAG)], 1000.0)
    alerts.update([of(4, told)], 1200.0)
    ((key, found),) = alerts.standing(1200.0 + STANDS_SECONDS)
    assert key == NO_FLOW
    assert (found.subject, found.part, found.since) == ("p/look", "rule", record(1).started_ns / 1e9)
    assert found.note == f"Somebody walks. It applied to 3 calls, last to {record(4).id} (normal)."
    assert caplog.messages[0] == f"policy p/look alerts: call {record(1).id}, normal: Somebody walks."
    assert alerts.standing(1201.0 + STANDS_SECONDS) == []
    alerts.update([of(5, told)], 2000.0)
    assert alerts.standing(2000.0)[0][1].since == record(5).started_ns / 1e9


def test_there_is_an_end_to_the_rules_that_stand():
    alerts = PolicyAlerts()
    alerts.update([of(i, Hit(f"p/{i}", "alert")) for i in range(MOST_RULES + 5)], 1000.0)
    assert len(alerts.standing(1000.0)) == MOST_RULES


def test_a_rule_that_stands_does_so_after_a_restart():
    alerts = PolicyAlerts()
    alerts.update([of(1, ALERT), of(2, ALERT, DRY)], 1000.0)
    again = PolicyAlerts()
    again.restore(decode(encode(alerts.keep()), KeptPolicyAlerts))
    assert again.standing(1001.0) == alerts.standing(1001.0) != []
    assert again.latest == alerts.latest
    again.update([of(3, ALERT)], 1100.0)
    assert "3 calls" in again.standing(1100.0)[0][1].note
    assert again.standing(1101.0 + STANDS_SECONDS) == []
