"""OpenAI's protocol, which most language models are served by: chat, completions, embeddings, rerank.

    POST .../v1/chat/completions    one row: the last thing said, and what stands around it
    POST .../v1/completions         a row for each prompt
    POST .../v1/embeddings          a row for each text
    POST .../v1/rerank              a row for each document

Texts are columns, so a baseline learns their length and the surprise of their letters as it does of any text
(`sidecar.features.texts`). Answers are told by numbers and short names only: their words stay out of windows.
A stream (`event_stream`) is read as what it came to. Sources: OpenAI's API reference; Cohere's and Jina's for
rerank. Counterparts: `wording`, `tongue`, `embedding`, `tool_calls`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from sidecar.codecs import embedding, event_stream, table, tongue, tool_calls, wording
from sidecar.codecs.codec import Codec, may_be_json, media_type
from sidecar.codecs.json_text import parse
from sidecar.errors import Undecodable
from sidecar.exchange import Matrix, Payload, Reply, Request, Tensor

_PATH = re.compile(r"/v\d+/(chat/completions|completions|embeddings|rerank)$")

MOST_ROWS = 10_000
"""Prompts, texts or documents of one call."""


def matches(request: Request) -> bool:
    return (
        request.method == "POST"
        and _PATH.search(request.path) is not None
        and may_be_json(media_type(request.headers))
    )


def operation(path: str) -> str:
    """Which of the four a path asks for; `chat/completions` for one that a setting named this codec for."""
    found = _PATH.search(path)
    return found[1] if found else "chat/completions"


def read(request: Request) -> Payload:
    document = _object(parse(request.body))
    model = document.get("model")
    tensors = ASKED[operation(request.path)](document)
    messages = document.get("messages")
    brought = tool_calls.brought(messages) if type(messages) is list else ()
    return Payload("openai", tensors, model if type(model) is str else None, brought=brought)


def read_reply(request: Request, reply: Reply, rows: int) -> Payload:
    body = event_stream.condensed(reply.body) if event_stream.matches(reply.headers) else reply.body
    document = _object(parse(body))
    model = document.get("model")
    name = model if type(model) is str else None
    asked = operation(request.path)
    if asked == "embeddings":
        vectors = _embedded(document)
        return Payload("openai", embedding.measured(vectors), name, vectors=vectors)
    return Payload("openai", ANSWERED[asked](document), name)


# -- questions -----------------------------------------------------------------------------------------


def _chat(document: dict[str, Any]) -> tuple[Tensor, ...]:
    messages = document.get("messages")
    if type(messages) is not list or not messages:
        raise Undecodable("no-messages")
    said = [(one.get("role"), _text(one.get("content"))) for one in messages if type(one) is dict]
    prompt = next((text for role, text in reversed(said) if role == "user"), said[-1][1] if said else "")
    rest = sum(len(text) for _, text in said) - len(prompt)
    return (_texts("prompt", [prompt]), _numbers("other characters", [float(rest)]), *_settings(document, 1))


def _completions(document: dict[str, Any]) -> tuple[Tensor, ...]:
    prompts = _list_of_texts(document.get("prompt", ""))
    return (_texts("prompt", prompts), *_settings(document, len(prompts)))


def _embeddings(document: dict[str, Any]) -> tuple[Tensor, ...]:
    return (_texts("input", _list_of_texts(document.get("input"))),)


def _rerank(document: dict[str, Any]) -> tuple[Tensor, ...]:
    documents, query = document.get("documents"), document.get("query")
    if type(documents) is not list or type(query) is not str:
        raise Undecodable("no-documents")
    texts = [_text(one.get("text") if type(one) is dict else one) for one in documents[:MOST_ROWS]]
    return (_texts("query", [query] * len(texts)), _texts("document", texts))


def _settings(document: dict[str, Any], rows: int) -> tuple[Tensor, ...]:
    """What a question asks for beside its words: the defaults of the protocol where it says nothing."""
    tools, temperature = document.get("tools"), document.get("temperature")
    most = document.get("max_completion_tokens") or document.get("max_tokens")
    found = {
        "temperature": _count(temperature, 1.0),
        "max tokens": _count(most, 0.0),
        "tools": float(len(tools)) if type(tools) is list else 0.0,
    }
    return tuple(_numbers(name, [value] * rows) for name, value in found.items())


def _list_of_texts(value: Any) -> list[str]:
    if type(value) is str:
        return [value]
    if type(value) is not list or not value or len(value) > MOST_ROWS:
        raise Undecodable("no-input")
    if not all(type(one) is str for one in value):
        raise Undecodable("token-input")  # numbers of tokens are no text
    return value


def _text(content: Any) -> str:
    """The words of a content: a text, or a list of parts of which some are pictures or sound."""
    if type(content) is str:
        return content
    if type(content) is not list:
        return ""
    parts = [part.get("text") for part in content if type(part) is dict]
    return "\n".join(part for part in parts if type(part) is str)


# -- answers -------------------------------------------------------------------------------------------


def _completed(document: dict[str, Any]) -> tuple[Tensor, ...]:
    choices = document.get("choices")
    if type(choices) is not list or not choices:
        raise Undecodable("no-choices")
    found = [_choice(one) for one in choices[:MOST_ROWS]]
    texts = [text for text, _, _ in found]
    called = [calls for _, _, calls in found]
    usage = document.get("usage")
    spent = usage if type(usage) is dict else {}
    each = len(found)
    return (
        _numbers("answer length", [wording.length(text) for text in texts]),
        _numbers("answer repetition", [wording.repetition(text) for text in texts]),
        _numbers("answer refused", [float(wording.refuses(text)) for text in texts]),
        _texts("answer script", scripts := [wording.script(text) for text in texts]),
        _texts("answer language", [tongue.language(*pair) for pair in zip(texts, scripts, strict=True)]),
        _texts("finish reason", [reason for _, reason, _ in found]),
        _numbers("tool calls", [float(len(calls)) for calls in called]),
        _texts("first tool", [calls[0] if calls else None for calls in called]),
        _numbers("input tokens", [_count(spent.get("prompt_tokens"))] * each),
        _numbers("output tokens", [_count(spent.get("completion_tokens"))] * each),
    )


def _choice(choice: Any) -> tuple[str, str | None, list[str]]:
    """The text of a choice, why it ended, and the tools that it asks for."""
    if type(choice) is not dict:
        raise Undecodable("no-choices")
    message = choice.get("message")
    reason = choice.get("finish_reason")
    calls = message.get("tool_calls") if type(message) is dict else None
    text = (
        _text(message.get("content") or message.get("refusal"))
        if type(message) is dict
        else choice.get("text")
    )
    return (
        text if type(text) is str else "",
        reason if type(reason) is str else None,
        [_tool(call) for call in calls] if type(calls) is list else [],
    )


def _tool(call: Any) -> str:
    function = call.get("function") if type(call) is dict else None
    name = function.get("name") if type(function) is dict else None
    return name[: tool_calls.MOST_NAME] if type(name) is str else ""


def _embedded(document: dict[str, Any]) -> Matrix:
    data = document.get("data")
    if type(data) is not list or not data:
        raise Undecodable("no-embeddings")
    return embedding.matrix([one.get("embedding") if type(one) is dict else None for one in data[:MOST_ROWS]])


def _reranked(document: dict[str, Any]) -> tuple[Tensor, ...]:
    results = document.get("results") or document.get("data")
    if type(results) is not list or not results:
        raise Undecodable("no-results")
    scores = {
        one.get("index", place): _count(one.get("relevance_score"))
        for place, one in enumerate(results[:MOST_ROWS])
        if type(one) is dict and type(one.get("index", place)) is int
    }
    return (_numbers("relevance", [scores[index] for index in sorted(scores)]),)


def _count(value: Any, otherwise: float = float("nan")) -> float:
    return float(value) if isinstance(value, int | float) else otherwise


def _object(document: Any) -> dict[str, Any]:
    if type(document) is not dict:
        raise Undecodable("not-an-object")
    return document


def _texts(name: str, values: list[Any]) -> Tensor:
    return Tensor(name, table.text(values))


def _numbers(name: str, values: list[float]) -> Tensor:
    return Tensor(name, np.array(values))


Reading = Callable[[dict[str, Any]], tuple[Tensor, ...]]

ASKED: dict[str, Reading] = {
    "chat/completions": _chat,
    "completions": _completions,
    "embeddings": _embeddings,
    "rerank": _rerank,
}
ANSWERED: dict[str, Reading] = {
    "chat/completions": _completed,
    "completions": _completed,
    "rerank": _reranked,
}

CODEC: Codec = Codec("openai", matches, read, read_reply, condensed=event_stream.condensed)
