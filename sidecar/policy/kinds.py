"""The kinds of value that a policy document may hold: how each is read, and what stands in the JSON Schema.

A reader takes a node of YAML and returns a value, or raises `Unfit` with what is wrong and where.
Counterpart: `sidecar.policy.keys`, which says what has which kind.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sidecar.policy.expressions import Mistake
from sidecar.policy.expressions import read as read_expression
from sidecar.redaction import redactor
from sidecar.redaction.patterns import PATTERNS as SECRETS_KNOWN
from sidecar.values import DURATIONS, READERS

_TAG = "tag:yaml.org,2002:"
_SHAPES = {"null": "no value", "bool": "a yes or no", "int": "a number", "float": "a number", "str": "text"}


class Unfit(Exception):
    """A value that does not fit: the node, and the character of its text where."""

    def __init__(self, node: Node, what: str, at: int = 0) -> None:
        super().__init__(what)
        self.node = node
        self.at = at


class Kind(NamedTuple):
    """One kind: its name in the documentation, its reader, and its JSON Schema."""

    name: str
    read: Callable[[Node], Any]
    schema: dict[str, Any]


def shape(node: Node) -> str:
    """What a node is, for people: `a list`, `text`."""
    if isinstance(node, MappingNode):
        return "is a mapping"
    if isinstance(node, SequenceNode):
        return "is a list"
    kind = str(node.tag).removeprefix(_TAG)
    return f"is {_SHAPES.get(kind, kind)}"


def _scalar(node: Node, expected: str, *tags: str) -> str:
    if not isinstance(node, ScalarNode) or node.tag.removeprefix(_TAG) not in tags:
        hint = "; put quotes around it" if isinstance(node, ScalarNode) and tags == ("str",) else ""
        hint = "" if node.tag == f"{_TAG}null" else hint
        raise Unfit(node, f"{shape(node)}; expected {expected}{hint}")
    return str(node.value)


def text(expected: str = "text", most: int = 4096) -> Kind:
    def read(node: Node) -> str:
        value = _scalar(node, expected, "str")
        if len(value) > most:
            raise Unfit(node, f"has {len(value)} characters; at most {most} are allowed")
        return value

    return Kind("text", read, {"type": "string", "maxLength": most})


def name(expected: str) -> Kind:
    def read(node: Node) -> str:
        value = _scalar(node, expected, "str")
        if not re.fullmatch(NAME, value):
            raise Unfit(node, f'"{value}" is no name; use up to 64 letters, digits, "-", "_" and "."')
        return value

    return Kind("name", read, {"type": "string", "pattern": f"^{NAME}$"})


NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def choice(*values: str) -> Kind:
    expected = values[0] if len(values) == 1 else f"one of {', '.join(values)}"

    def read(node: Node) -> str:
        value = _scalar(node, expected, "str")
        if value not in values:
            near = difflib.get_close_matches(value, values, n=1)
            raise Unfit(
                node,
                f'"{value}" is unknown; '
                + (f'did you mean "{near[0]}"?' if near else f"expected {expected}"),
            )
        return value

    return Kind(" or ".join(f"`{value}`" for value in values), read, {"enum": list(values)})


def _flag(node: Node) -> bool:
    value = _scalar(node, "true or false", "bool")
    return value.lower() in ("true", "yes", "on")


FLAG = Kind("`true` or `false`", _flag, {"type": "boolean"})


def number(expected: str, low: float, high: float, *, whole: bool = False, open_ends: bool = False) -> Kind:
    def read(node: Node) -> float | int:
        value = _scalar(node, expected, *(("int",) if whole else ("int", "float")))
        try:
            found = int(value) if whole else float(value)
        except ValueError:  # .nan, .inf, 0x10, 1_000
            raise Unfit(node, f"{value} cannot be read; expected {expected}") from None
        fits = low < found < high if open_ends else low <= found <= high
        if not fits:
            raise Unfit(node, f"{value} is out of range; expected {expected}")
        return found

    bounds = ("exclusiveMinimum", "exclusiveMaximum") if open_ends else ("minimum", "maximum")
    kind = "integer" if whole else "number"
    return Kind(expected, read, {"type": kind, bounds[0]: low, bounds[1]: high})


def seconds(low: float, high: float) -> Kind:
    expected = f"a time from {_time(low)} to {_time(high)}, such as 50ms or 2s"

    def read(node: Node) -> float:
        value = _scalar(node, expected, "str", "int", "float")
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", value)
        if not found or found[2] not in DURATIONS:
            raise Unfit(node, f'"{value}" is no time; expected {expected}')
        time = float(found[1]) * DURATIONS[found[2]]
        if not low <= time <= high:
            raise Unfit(node, f"{value} is out of range; expected {expected}")
        return time

    return Kind("a time such as `50ms`", read, {"type": ["string", "number"]})


def _time(value: float) -> str:
    return f"{value:g}s" if value >= 1 else f"{value * 1000:g}ms"


def _rate(node: Node) -> float:
    expected = "calls for a stretch of time, such as 10/s, 100/min or 1000/h"
    value = _scalar(node, expected, "str")
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|min|h)", value)
    if not found or not 0 < float(found[1]) < math.inf:
        raise Unfit(node, f'"{value}" is no rate; expected {expected}')
    return float(found[1]) / DURATIONS[found[2]]


RATE = Kind(
    "a rate such as `10/s` or `100/min`", _rate, {"type": "string", "pattern": "^[0-9.]+ */ *(s|min|h)$"}
)


def _url(node: Node) -> str:
    value = _scalar(node, "a URL such as http://127.0.0.1:8081", "str")
    try:
        return str(READERS["URL"](value))
    except ValueError as error:
        expected = "http://host:port, https://host:port or unix:/path/to.sock"
        raise Unfit(node, f'"{value}" {error}; expected {expected}') from error


URL = Kind("a URL such as `http://host:port`", _url, {"type": "string"})


def _patterns(node: Node) -> tuple[str, ...]:
    nodes = node.value if isinstance(node, SequenceNode) else [node]
    if not nodes:
        raise Unfit(node, "is empty, so nothing would ever fit; leave it out, or name a pattern")
    found = [_scalar(one, "a pattern, or a list of them", "str", "int", "float") for one in nodes]
    for one, pattern in zip(nodes, found, strict=True):
        if not pattern:
            raise Unfit(one, 'is empty; expected a pattern such as "*.example.com"')
    return tuple(found)


PATTERNS = Kind(
    "a pattern or a list of them; `*` stands for any characters, `?` for one",
    _patterns,
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
)


def _header_patterns(node: Node) -> dict[str, tuple[str, ...]]:
    if not isinstance(node, MappingNode):
        raise Unfit(node, f"{shape(node)}; expected a mapping of field names to patterns")
    found = {}
    for key, value in node.value:
        field = _scalar(key, "the name of a header field", "str", "int").lower()
        if not re.fullmatch(r"[a-z0-9!#$%&'*+.^_`|~-]+", field):
            raise Unfit(key, f'"{key.value}" is no name of a header field')
        found[field] = _patterns(value)
    return found


def _redaction(node: Node) -> str:
    value = _scalar(node, "rules such as email,$.user.phone,column:ssn", "str")
    try:
        redactor(value)
    except ValueError as error:
        raise Unfit(node, str(error)) from error
    return value


REDACTION = Kind(
    "rules as those of the setting `redact`, separated by commas", _redaction, {"type": "string"}
)


def _secrets(node: Node) -> tuple[str, ...]:
    value = _scalar(node, f"kinds of secrets, such as {SECRETS_EXAMPLE}", "str")
    names = [one.strip() for one in value.split(",")]
    for one in names:
        if one not in SECRETS_KNOWN:
            raise Unfit(node, f'names "{one}"; there are {", ".join(SECRETS_KNOWN)}')
    return tuple(name for name in SECRETS_KNOWN if name in names)


SECRETS_EXAMPLE = '"email,card"'

SECRETS = Kind(
    f"some of {', '.join(f'`{name}`' for name in SECRETS_KNOWN)}, separated by commas",
    _secrets,
    {"type": "string"},
)


HEADER_PATTERNS = Kind(
    "field names, each with a pattern or a list of them",
    _header_patterns,
    {"type": "object", "additionalProperties": PATTERNS.schema},
)


def _texts(node: Node) -> tuple[str, ...]:
    nodes = node.value if isinstance(node, SequenceNode) else []
    if not nodes:
        raise Unfit(node, f"{shape(node)}; expected a list of columns, such as [age, income]")
    return tuple(_scalar(one, "the name of a column", "str") for one in nodes)


COLUMNS = Kind("a list of columns", _texts, {"type": "array", "items": {"type": "string"}, "minItems": 1})


def _mapping(node: Node, expected: str) -> list[tuple[Node, Node]]:
    if not isinstance(node, MappingNode) or not node.value:
        raise Unfit(node, f"{shape(node)}; expected {expected}")
    pairs: list[tuple[Node, Node]] = node.value
    return pairs


def _renamed(node: Node) -> dict[str, str]:
    found = _mapping(node, "columns with their names in the baseline, such as {amt: amount}")
    return {
        _scalar(key, "the name of a column", "str"): _scalar(value, "the name of a column", "str")
        for key, value in found
    }


RENAMED = Kind(
    "columns, each with its name in the baseline",
    _renamed,
    {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
)

_P_VALUE = number("a number between 0 and 1, such as 0.01", 0.0, 1.0, open_ends=True)


def _thresholds(node: Node) -> dict[str, float]:
    found = _mapping(node, "detectors with their thresholds, such as {ecod: 0.001}")
    return {_scalar(key, "the name of a detector", "str"): _P_VALUE.read(value) for key, value in found}


THRESHOLDS = Kind(
    "detectors of the baseline, each with a number between 0 and 1",
    _thresholds,
    {"type": "object", "additionalProperties": _P_VALUE.schema, "minProperties": 1},
)


def expression(type_: str = "bool", *, head_only: bool = False) -> Kind:
    def read(node: Node) -> Any:
        if str(node.tag).startswith("!"):
            raise Unfit(node, 'begins with "!", which is a tag in YAML; put quotes around the expression')
        value = _scalar(node, "an expression", "str", "bool")
        try:
            return read_expression(value, type_, head_only=head_only)
        except Mistake as error:
            raise Unfit(node, str(error), error.at) from error

    return Kind(f"an expression that is a {type_}", read, {"type": ["string", "boolean"]})


def nested(what: str, schema: dict[str, Any]) -> Kind:
    """A mapping or a list that is read on its own: its node is passed on."""
    return Kind(what, lambda node: node, schema)
