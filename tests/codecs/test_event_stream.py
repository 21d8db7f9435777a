"""Streams of events: cut out of any framing, put together to the answer they came to."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codecs.event_stream import condensed, events, matches


def stream(*chunks: dict, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + end


def chat(content: str | None = None, reason: str | None = None, index: int = 0, **delta: object) -> dict:
    if content is not None:
        delta["content"] = content
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    return {"id": "c-1", "model": "m", "object": "chat.completion.chunk", "choices": [choice]}


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
def test_events_are_cut_whatever_ends_a_line(line):
    body = line.join(
        [b": comment", b"event: x", b"data: a", b"data:b", b"", b"id: 7", b"", b"data: c", b"", b"data: cut"]
    )
    assert events(body) == [b"a\nb", b"c"]


def test_a_chat_becomes_its_answer():
    body = stream(
        chat("", role="assistant"), chat("It "), chat("rains."), chat(reason="stop"),
        {"id": "c-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    )  # fmt: skip
    whole = json.loads(condensed(body))
    assert whole["choices"] == [
        {"message": {"role": "assistant", "content": "It rains."}, "finish_reason": "stop"}
    ]
    assert (whole["id"], whole["model"]) == ("c-1", "m")
    assert whole["usage"] == {"prompt_tokens": 3, "completion_tokens": 2}


def test_choices_refusals_and_tool_calls_are_kept_apart():
    call = {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": '{"ci'}}
    more = {"index": 0, "function": {"arguments": 'ty": "Oslo"}'}}
    body = stream(
        chat("a", index=0), chat("b", index=1), chat(refusal="no", index=1),
        chat(tool_calls=[call]), chat(tool_calls=[more], reason="tool_calls"),
    )  # fmt: skip
    first, second = json.loads(condensed(body))["choices"]
    made = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    assert first["message"]["tool_calls"] == [{"id": "c1", "type": "function", "function": made}]
    assert (first["finish_reason"], second["message"]["content"]) == ("tool_calls", "bno")


def test_a_completion_becomes_its_text():
    chunks = [{"choices": [{"index": 0, "text": word, "finish_reason": None}]} for word in ("a ", "b")]
    assert json.loads(condensed(stream(*chunks)))["choices"] == [{"text": "a b", "finish_reason": None}]


def test_a_stream_that_broke_off_is_what_had_come():
    body = stream(chat("half "), end=b'data: {"choices": [{"de')
    assert json.loads(condensed(body))["choices"][0]["message"]["content"] == "half "


@pytest.mark.parametrize(
    "body", [b"", b"data: 1\n\n", b'data: {"x": 1}\n\n', b'{"choices": []}', b"\x1f\x8b"]
)
def test_any_other_body_stays_as_it_is(body):
    assert condensed(body) is body


@given(st.binary(max_size=200))
def test_garbage_is_left_alone(garbage):
    assert isinstance(condensed(b"data: " + garbage + b"\n\n"), bytes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "delta", "index", "content", "tool_calls", "function", "name", "text"]),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(st.fixed_dictionaries({"choices": JSON}), max_size=3))
def test_chunks_of_any_shape_are_put_together_or_left_alone(chunks):
    assert isinstance(condensed(stream(*chunks)), bytes)


def test_streams_are_known_by_their_type():
    assert matches(((b"Content-Type", b"text/event-stream; charset=utf-8"),))
    assert not matches(((b"Content-Type", b"application/json"),))
