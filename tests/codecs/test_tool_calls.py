"""Tool calls of both ends: what an answer asks for, and what a question brings back."""

import json

import pytest

from sidecar.codecs.event_stream import condensed
from sidecar.codecs.tool_calls import MOST, MOST_NAME, Wanted, brought, brought_by, digest, wanted

USER = {"role": "user", "content": "How warm is it?"}


def call(id_, name="weather"):
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": "{}"}}


def answer(*calls):
    message = {"role": "assistant", "content": None, "tool_calls": list(calls)}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}).encode()


def said(*ids):
    return {"role": "assistant", "content": None, "tool_calls": [call(one) for one in ids]}


def result(id_):
    return {"role": "tool", "tool_call_id": id_, "content": "21 degrees"}


def test_an_answer_names_the_tools_it_asks_for():
    assert wanted(answer(call("c1"), call("c2", "clock"))) == (
        Wanted("weather", digest("c1")),
        Wanted("clock", digest("c2")),
    )
    assert wanted(answer(call("c1", "n" * 99)))[0].name == "n" * MOST_NAME
    assert len(wanted(answer(*(call(f"c{i}") for i in range(MOST + 9))))) == MOST


def test_a_stream_asks_for_the_same_ones():
    deltas = [
        {"tool_calls": [{"index": 0, **call("c1"), "function": {"name": "weather", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 1, **call("c2", "clock")}]},
    ]
    stream = b"".join(
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
        for delta in deltas
    )
    assert wanted(condensed(stream)) == wanted(answer(call("c1"), call("c2", "clock")))


@pytest.mark.parametrize(
    "body", [b"", b'"tool_calls"', b'{"choices": [{"message": {"tool_calls": 7}}]}', b'["tool_calls"]' * 2]
)
def test_what_is_no_answer_asks_for_nothing(body):
    assert wanted(body) == ()


def test_a_question_brings_what_stands_behind_the_last_answer():
    talk = [USER, said("c1"), result("c1"), said("c2", "c3"), result("c2"), result("c3"), USER]
    assert brought(talk) == (digest("c2"), digest("c3"))
    assert brought(talk[:3]) == (digest("c1"),)
    assert brought(talk[:2]) == ()
    assert brought([7, {"role": "tool", "tool_call_id": 7}]) == ()
    assert len(brought([result(f"c{i}") for i in range(2 * MOST)])) == MOST


def test_it_is_read_from_a_body_too():
    body = json.dumps({"messages": [USER, said("c1"), result("c1")]}).encode()
    assert brought_by(body) == (digest("c1"),)
    for other in (b"", b'"tool_call_id"', b'{"messages": "tool_call_id"}', b'{"tool_call_id": '):
        assert brought_by(other) == ()


def test_digests_tell_ids_apart():
    assert len({digest(f"call_{i}") for i in range(1000)}) == 1000
    assert 0 <= digest("\ud800") < 2**64
