"""The ladder, rung by rung, and that no parent is ever invented."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.exchange import Joined, SpanIds
from sidecar.proxy.egress.joining import MOST_LINKS, Found, Inbound, join


def inbound(number: int, request_id: str = "") -> Inbound:
    span = SpanIds(f"{number:032x}", f"{number:016x}", f"{number + 1000:016x}")
    return Inbound(request_id or span.server + span.client, span)


ONE, TWO, THREE = inbound(1, "order-1"), inbound(2, "order-2"), inbound(3)


def test_a_context_of_its_own_names_the_parent():
    assert join(TWO.span.trace, "order-1", [ONE, TWO], alone=True) == Found(Joined("context", 1.0), TWO)
    assert join("f" * 32, "", [ONE], alone=True) == Found(Joined("context", 1.0), None), "a stranger's trace"


def test_two_calls_of_one_trace_are_not_told_apart_by_it():
    again = Inbound("order-9", SpanIds(TWO.span.trace, "9" * 16, "8" * 16))
    assert join(TWO.span.trace, "", [TWO, again], alone=True) == Found(Joined("context", 1.0), None)


def test_a_request_id_names_the_call():
    assert join("", "order-2", [ONE, TWO, THREE], alone=True) == Found(Joined("request-id", 1.0), TWO)
    assert join("", "order-2", [TWO], alone=False) == Found(Joined("request-id", 1.0), TWO)


def test_a_request_id_that_two_share_names_neither():
    found = join("", "same", [inbound(1, "same"), inbound(2, "same"), THREE], alone=True)
    assert (found.joined.how, found.joined.confidence, found.inbound) == ("ambiguous", 0.5, None)
    assert len(found.joined.links) == 2, "the third has another id"


def test_the_only_call_in_flight_is_the_one():
    assert join("", "", [THREE], alone=True) == Found(Joined("only-one", 1.0), THREE)


def test_with_other_workers_the_only_one_known_is_a_guess():
    link = (THREE.span.trace, THREE.span.client)
    assert join("", "", [THREE], alone=False) == Found(Joined("ambiguous", 0.5, (link,)), None)


def test_nothing_in_flight_is_nobodys():
    assert join("", "order-1", [], alone=True) == Found(Joined("none", 0.0), None)


@given(st.integers(2, 40), st.booleans())
def test_no_parent_is_invented(count, alone):
    calls = [inbound(number) for number in range(count)]
    found = join("", "", calls, alone=alone)
    assert found.inbound is None
    assert found.joined.how == "ambiguous"
    assert found.joined.confidence == 1 / (count + (not alone))
    assert found.joined.links == tuple((c.span.trace, c.span.client) for c in calls[:MOST_LINKS])
