"""Spans of calls to language models: names and numbers of the conventions, and never a word."""

import json

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from sidecar.tracing.gen_ai import attributes
from tests.observer.talk import record

ANSWER = {
    "id": "c-1",
    "model": "m-2024",
    "choices": [{"message": {"role": "assistant", "content": "SECRET"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}


def asked(path="/v1/chat/completions", body=ANSWER, **changes):
    changes = {
        "codec": "openai",
        "target": path,
        "model": "m",
        "response_body": json.dumps(body).encode(),
    } | changes
    return attributes(record(0, **changes))


def test_a_chat_is_told_by_the_conventions_without_its_words():
    found = asked(first_event_ns=250_000_000)
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.response.id": "c-1",
        "gen_ai.response.model": "m-2024",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "sidecar.first_token_seconds": 0.25,
    }
    assert "SECRET" not in repr(found)


def test_tools_that_an_answer_asks_for_are_named_without_their_arguments():
    calls = [
        {"id": f"c{i}", "function": {"name": name, "arguments": "SECRET"}} for i, name in enumerate("ab")
    ]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    found = asked(body={"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    assert found["sidecar.tools.called"] == ["a", "b"]
    assert "SECRET" not in repr(found)
    broken = asked(body={"id": "x", "choices": [{"message": {"tool_calls": 7}}]})
    assert (broken["gen_ai.response.id"], "sidecar.tools.called" in broken) == ("x", False)


def test_each_operation_has_its_name():
    assert asked("/v1/completions?x=1")["gen_ai.operation.name"] == "text_completion"
    embedded = asked("/v1/embeddings", {"usage": {"prompt_tokens": 3}})
    assert (embedded["gen_ai.operation.name"], embedded["gen_ai.usage.input_tokens"]) == ("embeddings", 3)
    assert "gen_ai.usage.output_tokens" not in embedded
    assert asked("/v1/rerank")["gen_ai.operation.name"] == "rerank"


def test_an_answer_that_cannot_be_read_says_nothing_and_other_calls_have_none():
    assert set(asked(body=[])) == {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"}
    assert asked(response_body=b"") == asked(body=[])
    assert asked(codec="v2") == {}


def test_a_count_that_no_span_can_hold_is_left_out():
    found = asked(body={"usage": {"prompt_tokens": 2**63, "completion_tokens": 2**63 - 1}})
    assert "gen_ai.usage.input_tokens" not in found
    assert found["gen_ai.usage.output_tokens"] == 2**63 - 1
    assert "gen_ai.usage.input_tokens" not in asked(body={"usage": {"prompt_tokens": -1}})
    assert AnyValue(int_value=found["gen_ai.usage.output_tokens"])
    with pytest.raises(ValueError, match="out of range"):
        AnyValue(int_value=2**63)


def test_a_name_like_a_path_that_is_none_of_the_protocols_is_a_chat_as_for_the_codec():
    assert asked("/proxy/completions")["gen_ai.operation.name"] == "chat"
