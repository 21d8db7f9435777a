"""Which PyOD detectors are wanted, as people write them: names, perhaps with parameters.

    ecod,knn-500
    lof,abod(n_neighbors=5),knn(n_neighbors=10,method=mean)
    lscp(detector_list=[lof,lof(n_neighbors=15)])

Parameters are PyOD's own, as keywords with plain values: numbers, true words, text with or without quotes,
lists, and other detectors. They're read as values, never run. Only the form is looked at here:
`sidecar.values` reads settings with it, `sidecar.baseline.fitting` knows which names and parameters there
are.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

Value: TypeAlias = "bool | int | float | str | list[Value] | Wanted | None"

LONGEST = 2_000
"""Characters of the whole text."""

DEEPEST = 8
"""Parentheses and brackets inside each other."""

_ONE = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)\s*(?:\((.*)\))?", re.DOTALL)


class Wanted(NamedTuple):
    """One detector: what it's called in headers and artifacts, which one it is, and its parameters."""

    name: str
    """As `detector`; a second one of the same kind has `-2` behind it."""
    detector: str
    parameters: dict[str, Value]

    @property
    def text(self) -> str:
        """As it is written, and would be read again."""
        if not self.parameters:
            return self.detector
        return f"{self.detector}({', '.join(f'{key}={_written(v)}' for key, v in self.parameters.items())})"


def read(text: str) -> tuple[Wanted, ...]:
    """The detectors that `text` names. Raises ValueError with what is wrong about it."""
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    found = [_read(part) for part in _parts(text)]
    texts = [one.text for one in found]
    for doubled, times in Counter(texts).items():
        if times > 1:
            raise ValueError(f"names {doubled} twice")
    return _told_apart(found)


def written(wanted: Sequence[Wanted]) -> str:
    """The text that `read` would read them from."""
    return ",".join(one.text for one in wanted)


def _told_apart(found: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """Each under a name of its own."""
    seen: Counter[str] = Counter()
    named = []
    for one in found:
        seen[one.detector] += 1
        number = seen[one.detector]
        named.append(one if number == 1 else one._replace(name=f"{one.detector}-{number}"))
    return tuple(named)


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas that are in no parentheses, brackets or quotes."""
    depth, quote, start = 0, "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "([":
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"has more than {DEEPEST} parentheses and brackets inside each other")
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            yield text[start:place].strip()
            start = place + 1
    if depth != 0 or quote:
        raise ValueError("has a parenthesis, bracket or quote without its other half")
    yield text[start:].strip()


def _read(part: str) -> Wanted:
    match = _ONE.fullmatch(part)
    if match is None:
        raise ValueError(f"has {part!r}, which is no detector" if part else "has a name that is empty")
    name = match[1].lower()
    if match[2] is None:
        return Wanted(name, name, {})
    try:
        call = ast.parse(f"_({match[2]})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"has parameters of {name} that cannot be read: {match[2]}") from None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
        raise ValueError(f"has {part!r}, which is no detector")
    return Wanted(name, name, _parameters(name, call))


def _parameters(name: str, call: ast.Call) -> dict[str, Value]:
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise ValueError(f"has a parameter of {name} without its name; write {name}(NAME=VALUE)")
    return {str(keyword.arg): _value(name, keyword.value) for keyword in call.keywords}


def _value(name: str, node: ast.expr, *, listed: bool = False) -> Value:
    """One parameter's value. A bare word is text, but in a list it is a detector: `[lof, copod]`."""
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name(id=word) if listed:
            return Wanted(word.lower(), word.lower(), {})
        case ast.Name(id=word):
            return {"true": True, "false": False}.get(word.lower(), word)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(name, element, listed=True) for element in elements]
        case ast.Call(func=ast.Name(id=word)):
            return Wanted(word.lower(), word.lower(), _parameters(word.lower(), node))
    raise ValueError(f"has a parameter of {name} that is no plain value: {ast.unparse(node)}")


def _written(value: Value) -> str:
    if isinstance(value, Wanted):
        return value.text if value.parameters else f"{value.detector}()"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)
