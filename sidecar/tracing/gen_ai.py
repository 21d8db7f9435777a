"""What a span says of a call to a language model: names and numbers, never a word of question or answer.

Source: OpenTelemetry's semantic conventions for generative AI spans. Of the answer only the fields named here
are read. Counterpart: `sidecar.tracing.attributes`, whose CLIENT span this belongs to.
"""

from __future__ import annotations

import msgspec

from sidecar.exchange import Record

CODEC = "openai"

OPERATIONS = {
    "/chat/completions": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
    "/rerank": "rerank",
}
"""End of a path -> `gen_ai.operation.name`; the conventions have no name for the last."""

MOST_TEXT = 128
"""Characters of a name that an answer gives."""

MOST_TOOLS = 64
"""Tools that a span names."""


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Function(msgspec.Struct):
    name: str | None = None


class _Call(msgspec.Struct):
    function: _Function | None = None


class _Message(msgspec.Struct):
    tool_calls: list[_Call] | None = None


class _Asking(msgspec.Struct):
    message: _Message | None = None


class _Tools(msgspec.Struct):
    choices: list[_Asking] = []


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: _Usage | None = None
    choices: list[_Choice] = []


_answer = msgspec.json.Decoder(_Answer)
_tools = msgspec.json.Decoder(_Tools)


def attributes(record: Record) -> dict[str, str | int | float | list[str]]:
    """The attributes of a call that the codec of language models knows; none for any other."""
    if record.codec != CODEC:
        return {}
    path = record.target.partition("?")[0]
    operation = next((name for end, name in OPERATIONS.items() if path.endswith(end)), "chat")
    found: dict[str, str | int | float | list[str]] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "openai",
    }
    if record.model:
        found["gen_ai.request.model"] = record.model[:MOST_TEXT]
    if record.first_event_ns:
        found["sidecar.first_token_seconds"] = record.first_event_ns / 1e9
    try:
        answer = _answer.decode(record.response_body)
    except (ValueError, RecursionError):  # also of text that is not UTF-8
        return found
    if answer.id:
        found["gen_ai.response.id"] = answer.id[:MOST_TEXT]
    if answer.model:
        found["gen_ai.response.model"] = answer.model[:MOST_TEXT]
    if reasons := [one.finish_reason[:MOST_TEXT] for one in answer.choices[:8] if one.finish_reason]:
        found["gen_ai.response.finish_reasons"] = reasons
    if b'"tool_calls"' in record.response_body and (names := _called(record.response_body)):
        found["sidecar.tools.called"] = names
    if answer.usage is not None:
        found["gen_ai.usage.input_tokens"] = answer.usage.prompt_tokens
        if operation != "embeddings":
            found["gen_ai.usage.output_tokens"] = answer.usage.completion_tokens
    return found


def _called(body: bytes) -> list[str]:
    """The names of the tools that an answer asks for."""
    try:
        choices = _tools.decode(body).choices
    except (ValueError, RecursionError):
        return []
    calls = [call for one in choices if one.message is not None for call in one.message.tool_calls or ()]
    return [
        call.function.name[:MOST_TEXT] for call in calls[:MOST_TOOLS] if call.function and call.function.name
    ]
