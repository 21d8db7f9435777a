"""Alerts are listed, newest first, and logged, each rule once a minute."""

import msgspec

from sidecar.exchange import Hit
from sidecar.observer.policy_alerts import KEPT, PolicyAlerts
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
