"""Reads the checked expression that the CEL library hands out, in the wire format of protocol buffers.

Source: `cel/expr/checked.proto` and `cel/expr/syntax.proto` of google/cel-spec. Only what a policy may hold
is read; the numbers are those of the fields there. Counterpart: `sidecar.policy.expressions`.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, TypeAlias

from sidecar.policy.tree import Node

Message: TypeAlias = dict[int, list[Any]]
"""Field number -> its values in order: an int, eight bytes, or the bytes of a text or message."""


class NotSupported(Exception):
    """A part of CEL that policies leave out: `str` is its name, `at` where it stands."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.at = at


class _Checked(NamedTuple):
    """What is said of the nodes by their number: the overload, and the place in the text."""

    overloads: dict[int, list[str]]
    places: dict[int, int]


def tree(serialized: bytes) -> Node:
    """The tree of a serialized `CheckedExpr` in an `Any`. Raises NotSupported."""
    checked = fields(fields(serialized)[2][0])
    overloads = {
        key: [name.decode() for name in reference.get(3, [])]
        for key, reference in _entries(checked.get(2, []))
    }
    source = fields(checked[5][0])
    places = {_entry_key(entry): fields(entry).get(2, [0])[0] for entry in source.get(4, [])}
    return _node(checked[4][0], _Checked(overloads, places))


def _entries(values: list[bytes]) -> list[tuple[int, Message]]:
    return [(_entry_key(value), fields(fields(value)[2][0])) for value in values]


def _entry_key(entry: bytes) -> int:
    return int(fields(entry).get(1, [0])[0])


def _node(data: bytes, checked: _Checked) -> Node:
    message = fields(data)
    number = int(message.get(2, [0])[0])
    at = checked.places.get(number, 0)
    if 3 in message:
        return _const(fields(message[3][0]), at)
    if 4 in message:
        name = fields(message[4][0])[1][0].decode()
        return Node("fact", name, (), at)
    if 5 in message:
        return _select(fields(message[5][0]), at, checked)
    if 6 in message:
        return _call(fields(message[6][0]), number, at, checked)
    if 7 in message:
        return Node("list", None, tuple(_node(one, checked) for one in fields(message[7][0]).get(1, [])), at)
    if 9 in message:
        return _fold(fields(message[9][0]), at, checked)
    raise NotSupported("a map or message made in an expression", at)


def _const(message: Message, at: int) -> Node:
    if 2 in message:
        return Node("const", bool(message[2][0]), (), at)
    if 3 in message:
        return Node("const", _signed(message[3][0]), (), at)
    if 5 in message:
        return Node("const", struct.unpack("<d", message[5][0])[0], (), at)
    if 6 in message:
        return Node("const", message[6][0].decode(), (), at)
    raise NotSupported("null, bytes and unsigned numbers", at)


def _select(message: Message, at: int, checked: _Checked) -> Node:
    kind = "has" if message.get(3, [0])[0] else "field"
    return Node(kind, message[2][0].decode(), (_node(message[1][0], checked),), at)  # type: ignore[arg-type]


def _call(message: Message, number: int, at: int, checked: _Checked) -> Node:
    function = message[2][0].decode()
    overloads = checked.overloads.get(number, [])
    if len(overloads) != 1:
        raise NotSupported(f"{function} with values whose type is not known before a call", at)
    operands = [*message.get(1, []), *message.get(3, [])]
    return Node("call", overloads[0], tuple(_node(one, checked) for one in operands), at)


def _fold(message: Message, at: int, checked: _Checked) -> Node:
    if 8 in message:
        raise NotSupported("macros with two variables", at)
    variable, accumulator = message[1][0].decode(), message[3][0].decode()
    parts = [_node(message[number][0], checked) for number in (2, 4, 5, 6, 7)]
    local = [_bound(part, {variable, accumulator}) for part in parts[2:]]
    return Node("fold", variable, (parts[0], parts[1], *local), at)


def _bound(node: Node, names: set[str]) -> Node:
    """`node` with these names as a macro's variables. Inner macros have bound theirs before."""
    if node.kind == "fact" and node.value in names:
        return Node("local", node.value, (), node.at)
    return Node(node.kind, node.value, tuple(_bound(arg, names) for arg in node.args), node.at)


# -- protocol buffers ------------------------------------------------------------------------------


def fields(data: bytes) -> Message:
    """The fields of one message."""
    found: Message = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        value: Any
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 1:
            value, at = data[at : at + 8], at + 8
        elif wire == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError(f"wire type {wire}")
        found.setdefault(number, []).append(value)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
