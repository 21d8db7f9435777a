"""What a span says of a call to a language model: names and numbers, never a word of question or answer.

Source: OpenTelemetry's semantic conventions for generative AI spans. Of the answer only the fields named here
are read. Counterparts: `sidecar.tracing.attributes`, whose CLIENT span this belongs to;
`sidecar.codecs.openai`, which reads such calls for the windows.
"""

from __future__ import annotations

import msgspec

from sidecar.codecs import openai, tool_calls
from sidecar.exchange import Record

CODEC = openai.CODEC.name

OPERATIONS = {
    "chat/completions": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
    "rerank": "rerank",
}
"""What a path asks for -> `gen_ai.operation.name`; the conventions have no name for the last."""

MOST_TEXT = 128
"""Characters of a name that an answer gives."""

MOST_TOOLS = 64
"""Tools that a span names."""

LARGEST = 2**63 - 1
"""Of the whole numbers that a span can hold. A larger one would cost a whole batch of spans."""


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: _Usage | None = None
    choices: list[_Choice] = []


_answer = msgspec.json.Decoder(_Answer)


def attributes(record: Record) -> dict[str, str | int | float | list[str]]:
    """The attributes of a call that the codec of language models knows; none for any other."""
    if record.codec != CODEC:
        return {}
    operation = OPERATIONS[openai.operation(record.target.partition("?")[0])]
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
    if tools := tool_calls.wanted(record.response_body)[:MOST_TOOLS]:
        found["sidecar.tools.called"] = [tool.name for tool in tools]
    if answer.usage is not None:
        spent = {"input": answer.usage.prompt_tokens, "output": answer.usage.completion_tokens}
        if operation == "embeddings":
            del spent["output"]
        found |= {f"gen_ai.usage.{kind}_tokens": n for kind, n in spent.items() if 0 <= n <= LARGEST}
    return found
