"""Who feeds whom: edges by baggage and by egress, bounded, added up, kept."""

import msgspec

from sidecar.exchange import Joined, Outbound, SpanIds
from sidecar.observer.edges import MOST_EDGES, OTHER, Counts, Edge, Edges
from tests.observer.talk import record


def call(number, baggage, **changes):
    return record(number, span=SpanIds("1" * 32, "2" * 16, "3" * 16, baggage=baggage), **changes)


def test_the_last_model_of_the_chain_fed_us():
    edges = Edges("action")
    edges.update([call(0, "user=7,sidecar.chain=speech>intent", rows=3), call(1, "sidecar.chain=intent")])
    assert edges.counts == {Edge("intent", "action"): Counts(calls=2, rows=4)}


def test_a_call_from_outside_and_from_ourselves_is_no_edge():
    edges = Edges("action")
    edges.update([call(0, ""), call(1, "user=7"), call(2, "sidecar.chain=intent>action")])
    assert edges.counts == {}


def test_oddness_is_counted_by_where_it_shows():
    edges = Edges("b")
    upstream = "sidecar.chain=a,sidecar.upstream=outlier"
    odd, fine = {"flagged": (0,)}, {"flagged": ()}
    calls = [(upstream, odd), (upstream, fine), ("sidecar.chain=a", odd), ("sidecar.chain=a", fine)]
    edges.update([call(i, baggage, **changes) for i, (baggage, changes) in enumerate(calls)])
    counts = edges.counts[Edge("a", "b")]
    assert (counts.calls, counts.flagged, counts.upstream_odd, counts.both) == (4, 2, 2, 1)


def test_our_own_calls_and_how_they_were_joined():
    edges = Edges("a")
    edges.update_outbound(
        [
            Outbound(record(0), "b", Joined("only-one", 1.0)),
            Outbound(record(1, status=502, failure="upstream-refused"), "b", Joined("none", 0.0)),
        ]
    )
    assert edges.counts == {Edge("a", "b"): Counts(calls=2, rows=2, failed=1)}
    assert edges.joins == {"only-one": 1, "none": 1}


def test_made_up_names_do_not_fill_the_memory():
    edges = Edges("us")
    edges.update(call(i, f"sidecar.chain=m{i}") for i in range(MOST_EDGES + 50))
    edges.update_outbound(Outbound(record(i), f"t{i}", Joined("none", 0.0)) for i in range(5))
    assert len(edges.counts) == MOST_EDGES + 2
    assert edges.counts[Edge(OTHER, "us")].calls == 50
    assert edges.counts[Edge("us", OTHER)].calls == 5


def test_what_is_kept_adds_up():
    one, two = Edges("b"), Edges("b")
    one.update([call(0, "sidecar.chain=a", rows=2)])
    one.update_outbound([Outbound(record(1), "c", Joined("context", 1.0))])
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(one.snapshot()), type=type(one.snapshot()))
    two.merge(kept)
    two.merge(kept)
    assert two.counts[Edge("a", "b")] == Counts(calls=2, rows=4)
    assert two.joins == {"context": 2}


def test_an_edge_by_lineage_counts_only_where_baggage_named_nobody():
    edges = Edges("action")
    edges.update_origin(call(0, "user=7", flagged=(0,)), "intent", True)
    edges.update_origin(call(1, "sidecar.chain=speech"), "intent", False)
    edges.update_origin(call(2, ""), "action", False)
    assert edges.counts == {Edge("intent", "action"): Counts(1, 1, 0, 1, 1, 1)}


def test_a_tool_stands_between_two_calls_of_its_own_model():
    edges = Edges("chat")
    edges.update_asked(record(0, flagged=(0,)), "weather")
    edges.update_returned(record(1, flagged=(0,)), "weather", odd_there=True)
    edges.update_returned(record(2), "weather", odd_there=False)
    assert edges.counts == {
        Edge("chat", "tool:weather"): Counts(calls=1, rows=1, upstream_odd=1),
        Edge("tool:weather", "chat"): Counts(calls=2, rows=2, flagged=1, upstream_odd=1, both=1),
    }
    assert all(edge.is_of_tool for edge in edges.counts)
    assert not Edge("a", "b").is_of_tool
