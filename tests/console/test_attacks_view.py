from sidecar.console.attacks_view import attacks
from sidecar.exchange import Evidence
from sidecar.observer.observer import Observer
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings


def attacked():
    observer = Observer(settings(), Clock())
    made = {"verdict": "adversarial", "action": "block", "rule": "strict/no"}
    walk = [Evidence("query-sequence", n=n, since=1_763_910_000.0, clients=2) for n in (3, 14)]
    noise = Evidence("noise", p=0.0005, by="grain 40-60%")
    records = [record(i, client="10.0.0.9", evidence=(one,), **made) for i, one in enumerate(walk)]
    observer.take_in([*records, record(2, client="10.0.0.7", evidence=(noise,), **made), record(3)])
    return observer


def test_clients_come_with_their_signs_their_longest_walk_and_what_was_done():
    found = attacks(attacked(), 2)
    assert (found["calls_total"], found["calls_kept"]) == (3, 3)
    assert found["signs"] == {"query-sequence": 2, "noise": 1}
    first, second = found["clients"]
    assert (first["client"], first["longest_sequence"], first["sequence_clients"]) == ("10.0.0.9", 14, 2)
    assert first["actions"] == {"block by strict/no": 2}
    assert second["sequence_since"] is None
    assert [one["id"] for one in found["calls"]] == ["call-2", "call-1"]


def test_without_attacks_there_is_nothing():
    found = attacks(Observer(settings(), Clock()), 5)
    assert (found["calls_total"], found["clients"], found["calls"]) == (0, [], [])
