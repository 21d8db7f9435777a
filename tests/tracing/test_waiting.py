"""Outbound calls wait for their trace, bounded in number and time."""

from sidecar.exchange import Joined, Outbound, SpanIds
from sidecar.tracing.waiting import MOST, SECONDS, Waiting
from tests.tracing.records import record


def outbound(trace: int) -> Outbound:
    return Outbound(
        record(span=SpanIds(f"{trace:032x}", "2" * 16, "3" * 16)), "next", Joined("only-one", 1.0)
    )


def test_calls_of_a_trace_wait_together_and_are_taken_once():
    held = Waiting()
    calls = [outbound(1), outbound(2), outbound(1)]
    for call in calls:
        held.update(call)
    assert held.take(f"{1:032x}") == [calls[0], calls[2]]
    assert held.take(f"{1:032x}") == []
    assert held.take(f"{2:032x}") == [calls[1]]


def test_the_oldest_go_when_there_are_too_many():
    held = Waiting()
    for trace in range(MOST + 3):
        held.update(outbound(trace))
    assert held.dropped == 3
    assert held.take(f"{2:032x}") == []
    assert len(held.take(f"{3:032x}")) == 1


def test_nobody_waits_for_ever():
    now = [0.0]
    held = Waiting(clock=lambda: now[0])
    held.update(outbound(1))
    now[0] = SECONDS + 1
    held.update(outbound(2))
    assert held.take(f"{1:032x}") == []
    assert held.dropped == 0, "it has had its time"
