"""What is exported beyond the head's sample, and that an attack or an outage stays within its budget."""

from __future__ import annotations

import pytest

from sidecar.tracing.keep import BUDGETS, Keep
from sidecar.tracing.slow import SETTLED
from tests.tracing.records import MS, NORMAL, OUTLIER, UNSCORED, record


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (record(NORMAL, sampled=True), "head"),
        (record(OUTLIER, sampled=True), "head"),
        (record(NORMAL, sampled=False), ""),
        (record(UNSCORED, sampled=False), ""),
        (record(NORMAL, sampled=False, verdict="learning"), ""),
        (record(NORMAL, sampled=False, status=404), ""),
        (record(OUTLIER, sampled=False), "anomalous"),
        (record(NORMAL, sampled=False, verdict="adversarial"), "anomalous"),
        (record(OUTLIER, sampled=False, status=500), "anomalous"),
        (record(NORMAL, sampled=False, status=500), "failed"),
        (record(NORMAL, sampled=False, failure="client-gone", status=0), "failed"),
        (record(NORMAL, sampled=False, failure="response-truncated"), "failed"),
    ],
)
def test_why_a_call_is_exported(call: object, reason: str) -> None:
    assert Keep(Clock()).update(call) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", ["anomalous", "failed"])
def test_a_flood_is_cut_to_its_budget_and_counted(reason: str) -> None:
    clock = Clock()
    keep = Keep(clock)
    flood = {"anomalous": record(OUTLIER, sampled=False), "failed": record(sampled=False, status=503)}
    kept = 0
    for _ in range(10_000):  # 1,000 a second for ten seconds
        clock.now += 0.001
        kept += keep.update(flood[reason]) == reason
    # Ten seconds' worth, and the second's worth that had been saved.
    assert kept == pytest.approx(11 * BUDGETS[reason], abs=2)  # type: ignore[index]
    assert keep.dropped == 10_000 - kept


def test_a_quiet_hour_saves_up_one_second() -> None:
    clock = Clock()
    keep = Keep(clock)
    clock.now += 3600.0
    kept = sum(keep.update(record(OUTLIER, sampled=False)) == "anomalous" for _ in range(1000))
    assert kept == BUDGETS["anomalous"]


def test_one_kind_of_trouble_does_not_starve_another() -> None:
    keep = Keep(Clock())
    for _ in range(1000):
        keep.update(record(sampled=False, status=500))
    assert keep.update(record(OUTLIER, sampled=False)) == "anomalous"


def test_tracing_everything_stays_within_what_the_observer_can_do() -> None:
    clock = Clock()
    keep = Keep(clock)
    kept = 0
    for _ in range(40_000):  # 20,000 a second for two seconds
        clock.now += 0.00005
        kept += keep.update(record(NORMAL, sampled=True)) == "head"
    assert kept == pytest.approx(3 * BUDGETS["head"], abs=2)
    assert keep.dropped == 40_000 - kept


def test_slow_is_four_times_the_median_of_its_route() -> None:
    keep = Keep(Clock())
    fast, other = "/v2/models/a/infer", "/v1/models/a:predict"

    def call(target: str, ms: float) -> str:
        return keep.update(record(sampled=False, target=target, ended_ns=int(ms * MS)))

    assert call(fast, 500) == ""  # nothing is known yet
    for _ in range(SETTLED * 3):
        assert call(fast, 5) == ""
    assert call(fast, 15) == ""
    assert call(fast, 30) == "slow"
    assert call(other, 30) == ""


def test_a_model_that_became_slower_is_not_slow_for_ever() -> None:
    keep = Keep(Clock())
    for ms in [5] * 200 + [50] * 200:
        last = keep.update(record(sampled=False, ended_ns=ms * MS))
    assert last == ""


def test_what_came_in_numbers_only_counts_as_dropped() -> None:
    keep = Keep(Clock())
    keep.missed(7)
    assert keep.dropped == 7
