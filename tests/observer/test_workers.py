import pytest

from sidecar.link import Counters, Shadow
from sidecar.observer.workers import STALE_SECONDS, Workers
from tests.observer.talk import batch


def heard(*batches, now=100.0):
    workers = Workers()
    for one in batches:
        workers.connected(one.worker)
        workers.update(one, now)
    return workers


@pytest.mark.parametrize(
    ("batches", "data_plane", "upstream", "ready"),
    [
        ((), "down", "unknown", False),
        ((batch(),), "up", "up", True),
        ((batch(upstream="unknown"),), "up", "unknown", True),
        ((batch(upstream="down"),), "up", "down", False),
        ((batch(draining=True),), "draining", "unknown", False),
        ((batch(draining=True), batch(worker=1)), "up", "up", True),
        ((batch(upstream="down"), batch(worker=1)), "up", "up", True),
        ((batch(upstream="up", draining=True), batch(worker=1, upstream="down")), "up", "down", False),
    ],
)
def test_ready_is_when_somebody_takes_calls_and_the_model_is_not_down(batches, data_plane, upstream, ready):
    health = heard(*batches).health(100.0)
    assert (health.data_plane, health.upstream) == (data_plane, upstream)
    assert (not health.reasons) == ready
    assert health.workers == len(batches)


def test_a_worker_that_hung_up_or_fell_silent_is_not_counted_on():
    workers = heard(batch())
    assert workers.health(100.0 + STALE_SECONDS).data_plane == "up"
    assert workers.health(100.1 + STALE_SECONDS).data_plane == "down"
    workers.gone(0)
    assert workers.health(100.0).reasons == ("no data plane worker is connected",)


def test_a_worker_that_connects_again_before_the_old_connection_ends_stays():
    workers = heard(batch())
    workers.connected(0)
    workers.gone(0)
    assert workers.health(100.0).data_plane == "up"


def counters(calls, **failed):
    shadows = {"p/new": Shadow({"same": calls}, rows=calls)}
    return Counters(
        calls=calls,
        failed=failed,
        records_dropped=calls // 10,
        records_dropped_bytes=calls,
        shadows=shadows,
    )


def test_totals_go_on_when_a_worker_is_started_again():
    workers = heard(
        batch(pid=1, counters=counters(100, refused=2)),
        batch(pid=1, counters=counters(150, refused=3)),
        batch(pid=2, counters=counters(10, refused=1)),
        batch(worker=1, pid=3, counters=counters(1000)),
    )
    totals = workers.totals()
    assert totals.calls == 150 + 10 + 1000
    assert totals.failed == {"refused": 4}
    assert totals.records_dropped == 15 + 1 + 100
    assert totals.shadows == {"p/new": Shadow({"same": 1160}, rows=1160)}


def test_totals_go_on_when_the_observer_is_started_again():
    before = heard(batch(pid=1, counters=counters(100)), batch(pid=2, counters=counters(20)))
    after = Workers()
    after.restore(*before.keep())
    assert after.totals() == before.totals()
    assert after.health(100.0).data_plane == "down"
    after.update(batch(pid=2, counters=counters(25)), 101.0)
    assert after.totals().calls == 125
