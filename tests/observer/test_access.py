"""The access log as text: one JSON object a line, whatever a caller sent."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sidecar.exchange import Joined, Outbound, SpanIds
from sidecar.observer.access import MOST_TEXT, lines, outbound_lines
from tests.observer.talk import START_NS, record

SPAN = SpanIds("a" * 32, "b" * 16, "c" * 16)


def test_a_call_is_a_line():
    call = record(0, span=SPAN, target="/v1/models/m:predict?token=secret", ended_ns=12_345_678, p=0.0123)
    (line,) = lines([call]).splitlines()
    found = json.loads(line)
    assert (found["request_id"], found["trace_id"], found["span_id"]) == ("call-0", "a" * 32, "b" * 16)
    assert (found["path"], found["status"], found["seconds"]) == ("/v1/models/m:predict", 200, 0.012346)
    assert (found["verdict"], found["score"]) == ("normal", 0.9877)
    assert found["time"].endswith("Z")
    assert START_NS > 0
    assert b"secret" not in line
    assert "to" not in found


def test_an_unscored_call_has_no_score():
    (line,) = lines([record(0, verdict="unscored", reason="too-large", p=float("nan"))]).splitlines()
    found = json.loads(line)
    assert "score" not in found
    assert (found["verdict"], found["reason"]) == ("unscored", "too-large")


def test_a_call_of_the_models_own_says_where_it_went():
    call = Outbound(record(1, span=SPAN), "intent", Joined("only-one", 1.0))
    found = json.loads(outbound_lines([call]))
    assert (found["to"], found["joined"], found["span_id"]) == ("intent", "only-one", "c" * 16)
    assert "verdict" not in found


@given(st.text(), st.text(max_size=3000))
def test_nobody_forges_a_line(model, target):
    made = lines([record(0, model=model, target=target), record(1)])
    first, second = (
        made.decode().splitlines() if "\x85" not in made.decode() else made.decode().split("\n")[:2]
    )
    assert json.loads(first)["model" if model else "path"] is not None
    assert json.loads(second)["request_id"] == "call-1"
    assert len(json.loads(first)["path"]) <= MOST_TEXT
