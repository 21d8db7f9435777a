import msgspec

from sidecar.console.overview_view import headline, overview, stamp
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.observer.talk import record
from tests.observer.test_observer import Clock, busy, settings


def test_everything_that_the_first_page_says_can_be_had_as_data(baseline):
    observer = drifted(baseline)
    found = msgspec.json.decode(msgspec.json.encode(overview(observer)))
    assert found["state"] == "alarm"
    assert "feature drift" in found["headline"]
    (flow,) = found["traffic"]
    assert flow["calls"] == 1002
    assert flow["failed"] == 1
    assert flow["flagged"] == 1
    assert 0 < flow["added_seconds"]["p50"] <= flow["duration_seconds"]["p50"]
    assert flow["calls_per_minute"] > 0


def test_a_sidecar_that_does_not_serve_says_so_before_all_else():
    found = overview(Observer(settings(), Clock()))
    assert found["state"] == "down"
    assert "no data plane worker is connected" in found["headline"]
    assert found["traffic"] == []


def test_a_healthy_one_needs_no_words(baseline):
    observer = busy(baseline)
    observer.workers.health = lambda now: msgspec.structs.replace(
        type(observer.workers).health(observer.workers, now), reasons=()
    )
    assert overview(observer)["headline"] == "Healthy"
    assert headline("waiting", ()) == "Still learning"


def test_rates_need_two_moments(baseline):
    observer = Observer(settings(), Clock())
    observer.take_in([record(1)])
    assert overview(observer)["traffic"][0]["calls_per_minute"] is None
    observer.clock.now += 30.0
    observer.take_in([record(number) for number in range(2, 12)])
    assert overview(observer)["traffic"][0]["calls_per_minute"] == 20.0


def test_the_stamp_changes_with_a_state_and_not_with_a_call(baseline):
    observer = busy(baseline)
    before = stamp(observer)
    observer.take_in([record(1)])
    assert stamp(observer) == before
    assert stamp(drifted(baseline)) != before
    assert overview(observer)["stamp"] == before, "a page knows what it shows"
