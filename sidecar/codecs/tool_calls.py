"""Tool calls of a chat: what an answer asks for, and whose results a question brings back.

A model that wants a tool called says its name and an id; whoever runs it asks again, with the whole
conversation and, at its end, a message of the role `tool` for each id. Ids leave the data plane as digests:
they are somebody's words. Source: OpenAI's API reference. Counterparts: `openai`, `event_stream`;
`sidecar.observer.tools`, which puts both ends together.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from sidecar.codecs.json_text import parse
from sidecar.errors import Undecodable

MOST = 128
"""Tool calls of one answer or question."""

MOST_NAME = 64
"""Characters of a tool's name, as the protocol has it."""


class Wanted(NamedTuple):
    """A tool that an answer asks for, and which call of it."""

    name: str
    digest: int


class _Function(msgspec.Struct):
    name: str | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []


_answer = msgspec.json.Decoder(_Answer)


def digest(id_: str) -> int:
    """64 bits of a tool call's id."""
    return int.from_bytes(blake2b(id_.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def wanted(body: bytes) -> tuple[Wanted, ...]:
    """The tools that an answer in one piece asks for; none where it is no such answer."""
    if b'"tool_calls"' not in body:
        return ()
    try:
        choices = _answer.decode(body).choices
    except (ValueError, RecursionError):
        return ()
    calls = [
        call
        for choice in choices
        if choice.message is not None
        for call in (choice.message.tool_calls or ())[:MOST]
    ]
    return tuple(
        Wanted(call.function.name[:MOST_NAME], digest(call.id or ""))
        for call in calls[:MOST]
        if call.function is not None and call.function.name
    )


def brought(messages: list[Any]) -> tuple[int, ...]:
    """The digests of the calls whose results stand at the end of a conversation, behind the last thing that
    the model said: those before were brought by an earlier question."""
    found: list[int] = []
    for message in reversed(messages):
        role = message.get("role") if type(message) is dict else None
        if role == "assistant" or len(found) == MOST:
            break
        if role == "tool" and type(id_ := message.get("tool_call_id")) is str and id_:
            found.append(digest(id_))
    return tuple(reversed(found))


def brought_by(body: bytes) -> tuple[int, ...]:
    """`brought`, of a whole question; none where it is no such question."""
    if b'"tool_call_id"' not in body:
        return ()
    try:
        document = parse(body)
    except Undecodable:
        return ()
    messages = document.get("messages") if type(document) is dict else None
    return brought(messages) if type(messages) is list else ()
