"""Server-sent events, as language models stream: events are cut out, and what they came to is put together.

A stream of chunks becomes the answer that the same server would have given without streaming: texts joined,
the last finish reason, the usage. That is what is told to the observer and kept in captures: it is shorter,
and a secret that was cut in two by a chunk's end is whole again, so redaction sees it.
Source: WHATWG HTML, 9.2.6, and OpenAI's API reference. Counterpart: `openai`, which reads the answer.
"""

from __future__ import annotations

from typing import Any

import orjson

from sidecar.codecs.codec import media_type
from sidecar.exchange import Headers

MOST_CHOICES = 128
"""Choices of one answer that are put together."""


def matches(headers: Headers) -> bool:
    return media_type(headers) == b"text/event-stream"


def events(body: bytes) -> list[bytes]:
    """The data of each event that is whole; a last one without its empty line is cut off."""
    text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    whole, end, _ = text.rpartition(b"\n\n")
    found = []
    for block in whole.split(b"\n\n") if end else ():
        lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
        if lines:
            found.append(b"\n".join(lines))
    return found


def condensed(body: bytes) -> bytes:
    """A stream of completion chunks as the JSON of the whole answer; any other body as it is."""
    chunks = [chunk for data in events(body) if type(chunk := _json(data)) is dict]
    if not chunks or not any(type(chunk.get("choices")) is list for chunk in chunks):
        return body
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for key in ("id", "object", "created", "model", "system_fingerprint"):
            if key in chunk:
                whole.setdefault(key, chunk[key])
        if type(chunk.get("usage")) is dict:
            whole["usage"] = chunk["usage"]
        for choice in _list(chunk.get("choices")):
            if type(choice) is dict and len(choices) <= MOST_CHOICES:
                _add(choices, choice)
    whole["choices"] = [_finished(choices[index]) for index in sorted(choices)]
    return orjson.dumps(whole)


def _add(choices: dict[int, dict[str, Any]], choice: dict[str, Any]) -> None:
    """Take one choice of a chunk into its answer."""
    index = choice.get("index")
    answer = choices.setdefault(index if type(index) is int else 0, {"text": [], "calls": {}, "chat": False})
    if choice.get("finish_reason") is not None:
        answer["finish_reason"] = choice["finish_reason"]
    delta = choice.get("delta")
    if type(delta) is dict:
        answer["chat"] = True
        for key in ("content", "refusal"):
            if type(delta.get(key)) is str:
                answer["text"].append(delta[key])
        for call in _list(delta.get("tool_calls")):
            if type(call) is dict:
                _add_call(answer["calls"], call)
    elif type(choice.get("text")) is str:
        answer["text"].append(choice["text"])


def _add_call(calls: dict[int, dict[str, str]], call: dict[str, Any]) -> None:
    index = call.get("index")
    made = calls.setdefault(index if type(index) is int else 0, {"id": "", "name": "", "arguments": ""})
    if type(call.get("id")) is str:
        made["id"] = made["id"] or call["id"]
    function = call.get("function")
    if type(function) is dict:
        for key in ("name", "arguments"):
            if type(function.get(key)) is str:
                made[key] += function[key]


def _finished(answer: dict[str, Any]) -> dict[str, Any]:
    text, reason = "".join(answer["text"]), answer.get("finish_reason")
    if not answer["chat"]:
        return {"text": text, "finish_reason": reason}
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if answer["calls"]:
        message["tool_calls"] = [
            {"id": call.pop("id"), "type": "function", "function": call} for call in answer["calls"].values()
        ]
    return {"message": message, "finish_reason": reason}


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None  # `[DONE]`, or what is no chunk
