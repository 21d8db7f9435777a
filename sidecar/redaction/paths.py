"""Parts of a JSON document by path (a small part of RFC 9535), and columns by name wherever they stand.

`$.user.email`, `$.items[*].card`, `$.rows[0]`, `$..phone`. A column is known by its name: as a key of an
object, as one of `columns` beside `data` (a data frame), and as the `name` of a tensor.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int | None, ...]
"""Steps: a key, an index, `*`, or None for `..` (any depth) before the next."""

_STEP = re.compile(r"\.\.(?=[^.\[])|\.?([^.\[\]*'\"\s]+)|\.?(\*)|\[(\*|[0-9]+)\]|\[['\"]([^'\"]+)['\"]\]")


def path(text: str) -> Path:
    """The steps of a path. Raises ValueError that says what is wrong."""
    if not text.startswith("$"):
        raise ValueError("does not begin with $")
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise ValueError(f"cannot be read from {text[at:]!r} on")
        key, star, index, quoted = found.groups()
        if found[0] == "..":
            steps.append(None)
        elif key or quoted:
            steps.append(key or quoted)
        else:
            steps.append("*" if star or index == "*" else int(index))
        at = found.end()
    if not steps or steps[-1] is None:
        raise ValueError("names nothing")
    return tuple(steps)


def clear(value: Any, steps: Path) -> bool:
    """Put null in place of whatever `steps` lead to, in `value` itself. Says whether there was anything."""
    if steps[0] is None:
        return _anywhere(value, steps[1:])
    step, rest = steps[0], steps[1:]
    hit = False
    for key in _keys(value, step):
        if rest:
            hit |= clear(value[key], rest)
        elif value[key] is not None:
            value[key] = None
            hit = True
    return hit


def _keys(value: Any, step: str | int) -> list[Any]:
    if type(value) is dict:
        return list(value) if step == "*" else [step] if step in value else []
    if type(value) is list:
        if step == "*":
            return list(range(len(value)))
        return [step] if type(step) is int and step < len(value) else []
    return []


def _anywhere(value: Any, rest: Path) -> bool:
    waiting, hit = [value], False
    while waiting:
        one = waiting.pop()
        if type(one) in (dict, list):
            hit |= clear(one, rest)
            waiting += one.values() if type(one) is dict else one
    return hit


def clear_columns(value: Any, names: frozenset[str]) -> bool:
    """Put null in place of every value of these columns, in `value` itself."""
    waiting, hit = [value], False
    while waiting:
        one = waiting.pop()
        if type(one) is list:
            waiting += one
        elif type(one) is dict:
            hit |= _in_object(one, names)
            waiting += one.values()
    return hit


def _in_object(one: dict[str, Any], names: frozenset[str]) -> bool:
    hit = False
    for key in names.intersection(one):
        one[key] = [None] * len(one[key]) if type(one[key]) is list else None
        hit = True
    data = one.get("data")
    if type(data) is list:
        columns = one.get("columns")
        if type(columns) is list:
            places = [i for i, name in enumerate(columns) if type(name) is str and name in names]
            for row in data:
                for i in places:
                    if type(row) is list and i < len(row):
                        row[i], hit = None, True
        if type(one.get("name")) is str and one["name"] in names:
            one["data"], hit = [None] * len(data), True
    return hit
