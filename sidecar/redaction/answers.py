"""Answers of language models with stars for secrets, on their way to whoever asked.

    events come -> texts go on from event to event (`flowing`) -> events pass, in their order

An event passes as it came, byte by byte, unless it holds a part of a secret: then it is written anew, with as
many bytes. It waits only while its text may yet become one. A text goes on from event to event when it is the
same field of the same choice; it is taken to be over when the choice is, or when another field of it goes on.
Counterpart: `sidecar.proxy.masking`, between model and caller. Sources: OpenAI's API reference; HTML, 9.2.6.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import orjson

from sidecar.redaction.flowing import Flow

CONTINUED = frozenset({"content", "text", "refusal", "reasoning", "reasoning_content", "arguments"})
"""Fields of a choice whose text the next event goes on with."""

NAMES = frozenset(
    {"id", "object", "model", "system_fingerprint", "service_tier", "type", "role", "name", "finish_reason"}
)
"""Fields in which no model speaks: its server, or whoever wrote the question, chose what they may say."""

MOST_BYTES = 4_194_304
"""Bytes of one event, or of an answer in one piece. More is not looked through, so it does not pass."""

MOST_TEXTS = 1024
"""Texts of one answer that go on at once."""

MOST_WAITING = 65_536
"""Bytes of events behind one that waits for its text to go on. Beyond, its choice has fallen silent while
others speak, and all texts count as over."""

_END = re.compile(rb"(?:\r\n|\n|\r(?=[^\n]))(?:\r\n|\n|\r(?=[^\n]))")
_LONGEST_END = 4
"""Bytes of the end of an event, with the one that says that it is one."""

Place: TypeAlias = tuple[Any, Any]
"""A dictionary or list, and the key or index of a text in it."""


class Unmaskable(Exception):
    """An answer that cannot be looked through."""


class Part(NamedTuple):
    """A text of an event that is a piece of one that goes on."""

    place: Place
    flow: Flow
    size: int


class Event:
    """One event as it came, and what of it is looked at."""

    __slots__ = ("document", "parts", "raw", "size", "starred")

    def __init__(self, raw: bytes, document: Any) -> None:
        self.raw = raw
        self.size = len(raw)
        self.document = document
        self.parts: list[Part] = []
        self.starred = False


class Events:
    """A stream of events. `update` with whatever comes, `settle` at the end: both return what may pass."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._rest: list[bytes] = []
        """The pieces of an event whose end has not come. Only its last bytes are looked at again."""
        self._size = 0
        self._last = b""
        self._waiting: deque[Event] = deque()
        self._waiting_bytes = 0
        self._flows: dict[int, dict[tuple[Any, ...], Flow]] = {}
        """By choice, and by where in it their text stands."""

    def update(self, data: bytes) -> bytes:
        """Raises Unmaskable."""
        self._rest.append(data)
        self._size += len(data)
        look_at = self._last + data
        self._last = look_at[1 - _LONGEST_END :]
        if _END.search(look_at):
            self._take_all(b"".join(self._rest))
        if self._size > MOST_BYTES or sum(map(len, self._flows.values())) > MOST_TEXTS:
            raise Unmaskable
        if self._waiting and self._waiting_bytes - self._waiting[0].size > MOST_WAITING:
            self._settle()
        return self._passing()

    def settle(self) -> bytes:
        """No more comes. An event that is not whole is looked through as text."""
        self._settle()
        return self._passing() + starred_text(b"".join(self._rest), self._names)

    def _take_all(self, data: bytes) -> None:
        """Events have come, and perhaps the beginning of another."""
        at = 0
        for end in _END.finditer(data):
            self._take(data[at : end.end()])
            at = end.end()
        self._rest, self._size = [data[at:]], len(data) - at

    def _take(self, raw: bytes) -> None:
        """One event has come."""
        lines = [line[5:] for line in re.split(rb"\r\n|\n|\r", raw) if line.startswith(b"data:")]
        document = _json(b"\n".join(lines))
        event = Event(raw, document)
        self._waiting.append(event)
        self._waiting_bytes += event.size
        if document is None:
            if lines:  # `[DONE]`; a comment says nothing
                self._settle()
            event.raw = starred_text(raw, self._names)
            return
        choices = document.get("choices") if type(document) is dict else None
        for place, path in texts(document):
            choice = choices[path[1]] if type(choices) is list and path[0] == "choices" else None
            if type(choice) is dict and path[-1] in CONTINUED:
                self._go_on(event, choice, place, path)
            else:
                event.starred |= star(place, self._names)
        self._end(choices, event)

    def _go_on(self, event: Event, choice: Any, place: Place, path: tuple[Any, ...]) -> None:
        """A piece of a text has come."""
        text = place[0][place[1]]
        index = choice.get("index", path[1])
        flows = self._flows.setdefault(index if type(index) is int else path[1], {})
        key = _key(choice, path[2:])
        flow = flows.get(key)
        if flow is None:
            flow = flows[key] = Flow(self._names)
        for other in flows.values():
            if other is not flow and not any(part.flow is other for part in event.parts):
                other.settle()
        flow.update(text)
        event.parts.append(Part(place, flow, len(text)))

    def _end(self, choices: Any, event: Event) -> None:
        """What is over with this event."""
        for i, choice in enumerate(choices if type(choices) is list else ()):
            if type(choice) is dict and choice.get("finish_reason") is not None:
                index = choice.get("index", i)
                for flow in self._flows.get(index if type(index) is int else i, {}).values():
                    flow.settle()

    def _settle(self) -> None:
        for flows in self._flows.values():
            for flow in flows.values():
                flow.settle()

    def _passing(self) -> bytes:
        """The events that wait for nothing any more."""
        passing = []
        while self._waiting and _is_sure(self._waiting[0]):
            event = self._waiting.popleft()
            self._waiting_bytes -= event.size
            for part in event.parts:
                container, key = part.place
                text = part.flow.take(part.size)
                event.starred |= text != container[key]
                container[key] = text
            passing.append(_written(event) if event.starred and event.document is not None else event.raw)
        return b"".join(passing)


def whole(body: bytes, names: tuple[str, ...]) -> bytes:
    """An answer in one piece, with as many bytes as a rule. Raises Unmaskable."""
    if len(body) > MOST_BYTES:
        raise Unmaskable
    document = _json(body)
    if document is None:
        return starred_text(body, names)
    starred = [place for place, _ in texts(document) if star(place, names)]
    if not starred:
        return body
    _forget_tokens(document)
    return _fitted(orjson.dumps(document), len(body))


def texts(document: Any) -> Iterator[tuple[Place, tuple[Any, ...]]]:
    """Every text of a document in which a model may speak, with the keys and indices that lead to it."""
    waiting: deque[tuple[Any, tuple[Any, ...]]] = deque([(document, ())])
    while waiting:
        value, path = waiting.popleft()
        items = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
        for key, one in list(items):
            if type(one) is str:
                if one and key not in NAMES:
                    yield (value, key), (*path, key)
            elif type(one) in (dict, list):
                waiting.append((one, (*path, key)))


def star(place: Place, names: tuple[str, ...]) -> bool:
    """Star what is secret in one text. Whether there was anything."""
    container, key = place
    text = starred(container[key], names)
    changed = bool(text != container[key])
    container[key] = text
    return changed


def starred(text: str, names: tuple[str, ...]) -> str:
    """A whole text with stars."""
    flow = Flow(names)
    flow.update(text)
    flow.settle()
    return flow.take(len(text))


def starred_text(data: bytes, names: tuple[str, ...]) -> bytes:
    """Bytes that are no JSON, with stars."""
    return starred(data.decode("latin-1"), names).encode("latin-1")


def _key(choice: Any, path: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where a text stands in its choice. Parts of a list go by the `index` that they say, such as calls."""
    key: list[Any] = []
    value = choice
    for step in path:
        value = value[step]
        index = value.get("index") if type(step) is int and type(value) is dict else None
        key.append(index if type(index) is int else step)
    return tuple(key)


def _is_sure(event: Event) -> bool:
    """Whether all that an event holds is known to be secret or not."""
    needed: dict[int, int] = {}
    for part in event.parts:
        needed[id(part.flow)] = needed.get(id(part.flow), 0) + part.size
    return all(part.flow.sure >= needed[id(part.flow)] for part in event.parts)


def _written(event: Event) -> bytes:
    """An event that has stars, with as many bytes as it came with, as a rule."""
    end = re.search(rb"[\r\n]+\Z", event.raw)
    tail = end[0] if end is not None else b""
    other = [line for line in re.split(rb"\r\n|\n|\r", event.raw) if line and not line.startswith(b"data:")]
    _forget_tokens(event.document)
    space = b" " if b"data: " in event.raw else b""  # which not every reader can do without
    head = b"".join(line + b"\n" for line in other) + b"data:" + space
    return head + _fitted(orjson.dumps(event.document), len(event.raw) - len(head) - len(tail)) + tail


def _fitted(document: bytes, size: int) -> bytes:
    """JSON with spaces behind it, up to the bytes that it came with. It has more only where a number came
    written as nobody writes it, such as 1e5."""
    return document.ljust(size)


def _forget_tokens(document: Any) -> None:
    """An answer that lists its tokens one by one would spell out what the stars hide."""
    for choice in document.get("choices") or () if type(document) is dict else ():
        if type(choice) is dict and choice.get("logprobs") is not None:
            choice["logprobs"] = None


def _json(text: bytes) -> Any:
    """A document that is an object or a list; None for anything else."""
    try:
        document = orjson.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if type(document) in (dict, list) else None
