"""The graph as JSON: shares only where there is something to divide by."""

from sidecar.console.chain_view import graph, witness
from sidecar.observer.edges import Counts, Edge
from sidecar.observer.observer import Observer
from tests.observer.test_observer import settings


def test_edges_with_what_was_odd_given_what_came_before():
    observer = Observer(settings(service_name="b"))
    observer.edges.counts[Edge("a", "b")] = Counts(100, 300, 1, flagged=14, upstream_odd=20, both=10)
    observer.edges.counts[Edge("b", "c")] = Counts(5, 0)
    observer.edges.joins["context"] = 5
    shown = graph(observer)
    assert shown["service"] == "b"
    first, second = shown["edges"]
    assert (first["source"], first["target"], first["calls"], first["rows"]) == ("a", "b", 100, 300)
    assert first["flagged_given_upstream_odd"] == 0.5
    assert first["flagged_given_upstream_normal"] == 0.05
    assert second["flagged_given_upstream_odd"] is None
    assert shown["joins"] == {"context": 5}
    assert shown["tools"] == {"waiting": 0, "unknown": 0}


def test_tools_are_no_witnesses_of_a_cascade():
    observer = Observer(settings(service_name="b"))
    observer.edges.counts[Edge("a", "b")] = Counts(1, 1)
    observer.edges.counts[Edge("b", "tool:clock")] = Counts(1, 1)
    assert witness(observer).edges == (("a", "b"),)
