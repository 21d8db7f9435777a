from sidecar.console.pages import trace
from sidecar.console.trace_view import spans
from tests.console.seen import HOSTILE, check
from tests.console.test_trace_view import TRACE, heard


def test_spans_are_drawn_and_lead_to_their_calls():
    found = {"trace": TRACE, "spans": spans(heard(), TRACE), "missing": [HOSTILE]}
    seen = check("".join(trace.parts(found)))
    assert "4 spans" in seen.words
    assert {"/exchanges/call-0", "/exchanges/call-1"} <= set(seen.links())
    assert HOSTILE in seen.words


def test_a_trace_that_is_gone_says_so():
    assert (
        "Nothing is kept" in check("".join(trace.parts({"trace": TRACE, "spans": [], "missing": []}))).words
    )
