"""Spans leave with a link to where their question came from, a moment late if need be."""

from sidecar.cascade.pairs import Lineage, Made
from sidecar.codecs.tool_calls import digest as tool_digest
from sidecar.console.exporting import Exporting
from sidecar.exchange import SpanIds
from sidecar.observer.digests import digest
from sidecar.observer.observer import Observer
from sidecar.tracing.spans import Linked
from tests.codecs.test_tool_calls import answer, call
from tests.observer.talk import record
from tests.observer.test_observer import settings

ROW = (0.123456, 7.654321, 1.23456)


class Spans:
    """Notes what it is given."""

    def __init__(self):
        self.told = []

    def record(self, record, drift, links):
        self.told.append((record.id, drift, links))


def test_a_link_is_waited_for_and_everything_leaves_in_the_end():
    observer, spans = Observer(settings(peers="speech=http://127.0.0.1:1")), Spans()
    exporting = Exporting(spans, observer)
    first, second = record(0), record(1, span=SpanIds("1" * 32, "2" * 16, "3" * 16))
    observer.lineage.update(first, [ROW], [])
    exporting.take([first, second])
    assert spans.told == [("call-1", "unknown", [])]
    observer.lineage.heard("speech", Lineage("speech", 1, (Made(digest(ROW), "a" * 32, "b" * 16),)))
    exporting.take([])
    assert spans.told[1:] == [("call-0", "unknown", [Linked("a" * 32, "b" * 16, "lineage")])]


def test_what_is_held_at_the_end_leaves_without():
    observer, spans = Observer(settings(peers="speech=http://127.0.0.1:1")), Spans()
    exporting = Exporting(spans, observer)
    observer.lineage.update(record(0), [ROW], [])
    exporting.take([record(0)])
    assert spans.told == []
    exporting.close()
    assert spans.told == [("call-0", "unknown", [])]


def test_the_call_that_brings_a_tools_result_is_linked_to_the_one_that_asked_for_it():
    observer, spans = Observer(settings()), Spans()
    asking = record(0, codec="openai", response_body=answer(call("c1", "clock")))
    bringing = record(
        1, span=SpanIds("1" * 32, "2" * 16, "3" * 16), codec="openai", brought=(tool_digest("c1"),)
    )
    observer.take_in([asking, bringing])
    Exporting(spans, observer).take([asking, bringing])
    link = Linked(asking.span.trace, asking.span.client, "tool-call", "clock")
    assert [links for _, _, links in spans.told] == [[], [link]]
    assert {edge for edge in observer.edges.counts if edge.is_of_tool} == {
        (observer.edges.service, "tool:clock"),
        ("tool:clock", observer.edges.service),
    }
