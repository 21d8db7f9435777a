from sidecar.console.trace_view import spans, trace
from sidecar.exchange import SpanIds
from sidecar.observer.observer import Observer
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings

TRACE = "0af7651916cd43dd8448eb211c80319c"


def heard():
    observer = Observer(settings(service_name="intent"), Clock())
    ids = [SpanIds(TRACE, "a" * 16, "b" * 16, "0" * 16), SpanIds(TRACE, "c" * 16, "d" * 16, "b" * 16)]
    records = [record(number, span=span) for number, span in enumerate(ids)]
    observer.take_in([*records, record(9, span=SpanIds("f" * 32, "e" * 16, "e" * 16))])
    return observer


def test_a_call_is_what_was_served_and_within_it_what_the_model_took():
    served, model, *_ = spans(heard(), TRACE)
    assert (served["id"], model["parent"]) == ("a" * 16, "a" * 16)
    assert served["start"] <= model["start"]
    assert model["start"] + model["seconds"] <= served["start"] + served["seconds"]
    assert len(spans(heard(), TRACE)) == 4
    assert spans(heard(), "0" * 32) == []


def test_what_never_reached_the_model_has_no_part_of_it():
    observer = Observer(settings(), Clock())
    observer.take_in([record(1, forwarded_ns=0, first_byte_ns=0, status=503)])
    assert [one["status"] for one in spans(observer, TRACE)] == [503]


def test_peers_that_do_not_answer_are_named_and_each_span_comes_once():
    ours = spans(heard(), TRACE)
    found = trace(TRACE, [*ours, *ours], ["http://127.0.0.1:9"])
    assert found["spans"] == sorted(ours, key=lambda one: one["start"])
    assert "127.0.0.1:9" in found["missing"][0]
