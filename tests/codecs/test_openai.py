"""OpenAI's protocol: what of a question and an answer becomes rows, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codecs import choose
from sidecar.codecs.openai import CODEC, operation
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply, Request

HEADERS = ((b"content-type", b"application/json"),)
CHAT, TEXT, VECTORS, RANKS = (
    f"/v1/{name}" for name in ("chat/completions", "completions", "embeddings", "rerank")
)


def asked(path: str, document: Any) -> Payload:
    request = Request("POST", path, HEADERS, json.dumps(document).encode())
    assert choose(request) is CODEC
    return CODEC.decode(request)


def answered(path: str, document: Any, rows: int = 1) -> dict[str, list[Any]]:
    reply = Reply(200, HEADERS, json.dumps(document).encode())
    return columns(CODEC.decode_reply(Request("POST", path, HEADERS, b""), reply, rows))


def columns(payload: Payload) -> dict[str, list[Any]]:
    return {tensor.name: tensor.data.tolist() for tensor in payload.tensors}


def test_a_chat_is_what_was_said_last_and_what_stands_around_it():
    payload = asked(
        CHAT,
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "image_url"},
                                             {"type": "text", "text": "this?"}]},
            ],
            "temperature": 0.2, "max_tokens": 50, "tools": [{}, {}],
        },
    )  # fmt: skip
    assert (payload.codec, payload.model, payload.rows) == ("openai", "m", 1)
    assert columns(payload) == {
        "prompt": ["What is\nthis?"], "other characters": [15.0], "temperature": [0.2], "max tokens": [50.0],
        "tools": [2.0],
    }  # fmt: skip


def test_completions_embeddings_and_documents_are_rows():
    assert columns(asked(TEXT, {"prompt": ["a", "b"]}))["prompt"] == ["a", "b"]
    assert columns(asked(TEXT, {"prompt": "a"}))["max tokens"] == [0.0]
    assert columns(asked(VECTORS, {"input": ["a", "b"]})) == {"input": ["a", "b"]}
    found = columns(asked("/api/v1/rerank", {"query": "q", "documents": ["a", {"text": "b"}]}))
    assert found == {"query": ["q", "q"], "document": ["a", "b"]}


def test_an_answer_is_numbers_and_short_names():
    choice = {"message": {"role": "assistant", "content": "I'm sorry, I can't."}, "finish_reason": "stop"}
    found = answered(CHAT, {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 4}})
    assert found["answer refused"] == [1.0]
    assert found["finish reason"] == ["stop"]
    assert (found["input tokens"], found["output tokens"]) == ([5.0], [4.0])
    assert found["answer script"] == ["latin"]
    assert "sorry" not in json.dumps(found)
    silent = answered(TEXT, {"choices": [{"text": "", "finish_reason": None}]})
    assert (silent["answer length"], silent["finish reason"]) == ([0.0], [None])
    assert np.isnan(silent["output tokens"][0])


def test_an_answer_has_the_same_columns_streamed_or_not():
    chunk = {"choices": [{"index": 0, "delta": {"content": "Yes"}, "finish_reason": "stop"}]}
    body = b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"
    stream = Reply(200, ((b"content-type", b"text/event-stream"),), body)
    said = columns(CODEC.decode_reply(Request("POST", CHAT, HEADERS, b""), stream))
    whole = answered(CHAT, {"choices": [{"message": {"content": "Yes"}, "finish_reason": "stop"}]})
    assert repr(said) == repr(whole)


def test_vectors_and_ranks_are_measured():
    found = answered(VECTORS, {"data": [{"embedding": [3.0, 4.0]}, {"embedding": [0.0, 1.0]}]}, 2)
    assert found["embedding norm"] == [5.0, 1.0]
    results = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    assert answered(RANKS, {"results": results}, 2) == {"relevance": [0.1, 0.9]}


@pytest.mark.parametrize(
    ("path", "document", "reason"),
    [
        (CHAT, [], "not-an-object"),
        (CHAT, {}, "no-messages"),
        (CHAT, {"messages": []}, "no-messages"),
        (TEXT, {"prompt": []}, "no-input"),
        (TEXT, {"prompt": [1, 2]}, "token-input"),
        (VECTORS, {"input": [[1, 2]]}, "token-input"),
        (VECTORS, {}, "no-input"),
        (RANKS, {"query": "q"}, "no-documents"),
        (RANKS, {"query": "q", "documents": []}, "no-rows"),
    ],
)
def test_what_is_no_question_is_refused(path, document, reason):
    with pytest.raises(Undecodable, match=f"^{reason}$"):
        asked(path, document)


@pytest.mark.parametrize(
    ("path", "document", "reason"),
    [
        (CHAT, {}, "no-choices"),
        (CHAT, {"choices": [1]}, "no-choices"),
        (VECTORS, {"data": []}, "no-embeddings"),
        (VECTORS, {"data": [{}]}, "malformed-embedding"),
        (RANKS, {"results": []}, "no-results"),
    ],
)
def test_what_is_no_answer_is_refused(path, document, reason):
    with pytest.raises(Undecodable, match=f"^{reason}$"):
        answered(path, document)


def test_other_paths_are_others():
    for path in ("/v1/models", "/chat/completions", "/v1/chat/completions/7"):
        assert choose(Request("POST", path, HEADERS, b"")) is not CODEC
    assert operation("/anything") == "chat/completions"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["messages", "role", "content", "prompt", "input", "query", "documents", "text", "tools", "usage",
             "choices", "message", "data", "embedding", "results", "index", "relevance_score", "temperature"]
        ), inner, max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.sampled_from([CHAT, TEXT, VECTORS, RANKS]), JSON)
def test_any_json_is_read_or_refused_with_a_reason(path, document):
    for reading in (lambda: asked(path, document), lambda: answered(path, document)):
        try:
            reading()
        except Undecodable as error:
            reason = str(error)
        else:
            reason = ""
        assert reason != "codec-fault"
