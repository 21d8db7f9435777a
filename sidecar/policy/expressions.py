"""CEL's text to a tree, its types checked against the facts; what is wrong with it, said with the place.

Parsing and type checking are Google's own CEL library's, so an expression means here what it means anywhere.
Imported only by the process that checks policies. Counterparts: `sidecar.policy.facts` has the table that is
checked against, `sidecar.policy.code` runs what comes out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from cel_expr_python import cel

from sidecar.policy.code import DEEPEST, OVERLOADS, Failed, duration
from sidecar.policy.facts import DETECTOR_NUMBERS, FACTS
from sidecar.policy.tree import Node, walk
from sidecar.policy.wire import NotSupported, tree

SHORT = frozenset({"chain"})
"""Facts that hold 16 values at most, whoever calls."""

LONGEST = 4096
"""Characters of an expression."""

FUNCTIONS = (
    "size", "contains", "startsWith", "endsWith", "has", "exists", "exists_one", "all", "filter", "map",
    "double", "int", "string", "duration", "rate",
)  # fmt: skip
"""What an expression may call."""


REFUSED = {
    "matches_string": "a regular expression over what callers send may stall every call; "
    "use contains, startsWith or endsWith, or a pattern under `match`"
}
"""Overloads of CEL that are left out on purpose, and why."""

USAGE = {"rate": 'takes a text and a window, such as rate(client, duration("60s"))'}

INSTEAD = {"=": "==", "and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "<>": "!=", "&": "&&"}
"""What people write who know other languages."""


class Mistake(Exception):
    """An expression that is wrong: `str` says how, `at` is the character where."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.at = at


class Read(NamedTuple):
    """An expression that is right: its tree and its type."""

    tree: Node
    type: str


def read(text: str, wanted: str = "bool", head_only: bool = False) -> Node:
    """The tree of an expression of the `wanted` type. Raises Mistake. `head_only`: it may speak only of facts
    that are known without looking at the body."""
    if len(text) > LONGEST:
        raise Mistake(f"has {len(text)} characters, at most {LONGEST} are allowed", 0)
    try:
        checked = _environment().compile(text)
        found = tree(checked.serialize())
    except RuntimeError as error:
        raise _translated(str(error), text) from error
    except NotSupported as error:
        raise Mistake(f"{error} cannot be used in a policy", error.at) from error
    type_ = str(checked.return_type()).lower()
    if type_ != wanted:
        raise Mistake(f"is {'an' if type_ == 'int' else 'a'} {type_}; expected a {wanted}", 0)
    _check(found, head_only)
    return found


@lru_cache(maxsize=1)
def _environment() -> Any:
    names = {name: _type(fact.type) for name, fact in FACTS.items()}
    rate = cel.Overload("rate_string_duration", cel.Type.DOUBLE, [cel.Type.STRING, cel.Type.DURATION])
    return cel.NewEnv(variables=names, functions=[cel.FunctionDecl("rate", [rate])])


def _type(text: str) -> Any:
    if text.startswith("map("):
        key, _, value = text[4:-1].partition(", ")
        return cel.Type.Map(_type(key), _type(value))
    if text.startswith("list("):
        return cel.Type.List(_type(text[5:-1]))
    return {"string": cel.Type.STRING, "double": cel.Type.DOUBLE, "int": cel.Type.INT}[text]


# -- what the library lets pass -----------------------------------------------------------------------


def _check(node: Node, head_only: bool) -> None:
    if _depth(node) > DEEPEST:
        raise Mistake("is nested too deep", node.at)
    for one in reversed(list(walk(node))):  # the innermost first
        if one.kind == "call":
            _check_call(one)
        elif one.kind == "fold":
            _check_fold(one)
        elif one.kind == "fact":
            fact = FACTS.get(str(one.value))
            if fact is None:
                raise Mistake(f'"{one.value}" is no fact', one.at)
            if head_only and fact.stage != "head":
                raise Mistake(f'"{one.value}" is known only once the request has been looked at', one.at)
        _check_detector(one)


def _check_fold(node: Node) -> None:
    """Of macros in each other, all but one go over what is short: else a caller with thousands of headers has
    them take steps by the million."""
    if not _by_call(node):
        return
    for inner in (one for part in node.args[2:] for one in walk(part) if one.kind == "fold"):
        if _by_call(inner):
            what = "is a macro over what a call has, within another: its caller could make it take forever"
            raise Mistake(what, inner.at)


def _by_call(fold: Node) -> bool:
    """Whether a macro takes as many steps as the call likes."""
    return any(
        one.kind == "local" or (one.kind == "fact" and one.value not in SHORT) for one in walk(fold.args[0])
    )


def _check_call(node: Node) -> None:
    if node.value in REFUSED:
        raise Mistake(REFUSED[str(node.value)], node.at)
    if node.value not in OVERLOADS:
        raise Mistake(f"{_readable(str(node.value))} cannot be used in a policy", node.at)
    if node.value == "string_to_duration":
        text = node.args[0]
        if text.kind != "const":
            raise Mistake("duration() must be of a text that stands in the policy", node.at)
        try:
            duration(str(text.value))
        except Failed:
            raise Mistake(f'"{text.value}" is no duration; write one such as "60s"', text.at) from None
    if node.value == "rate_string_duration":
        _check_rate(node)


def _check_rate(node: Node) -> None:
    key, window = node.args
    if window.value != "string_to_duration":
        raise Mistake('the window of rate() must be written out, such as duration("60s")', node.at)
    if not 1.0 <= duration(str(window.args[0].value)) <= 3600.0:
        raise Mistake("the window of rate() must be from one second to one hour", window.at)
    for one in walk(key):
        if one.kind == "fact" and FACTS[str(one.value)].stage != "head":
            raise Mistake(f'rate() counts by what the head says, and "{one.value}" is known later', one.at)
        if one.value == "rate_string_duration":
            raise Mistake("rate() cannot count by another rate()", one.at)


def _check_detector(node: Node) -> None:
    of_detector = (
        node.kind == "field"
        and node.args[0].args
        and node.args[0].args[0] == Node("fact", "detectors", (), node.args[0].args[0].at)
    )
    if of_detector and node.value not in DETECTOR_NUMBERS:
        raise Mistake(f'a detector has no "{node.value}", it has {" and ".join(DETECTOR_NUMBERS)}', node.at)


def _depth(node: Node) -> int:
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [arg for one in level for arg in one.args]
    return deepest


# -- wording ---------------------------------------------------------------------------------------

_FIRST = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '(.*)'")
_SIGNS = {"_&&_": "&&", "_||_": "||", "!_": "!", "_?_:_": "? :", "_[_]": "[]", "@in": "in"}


def _translated(said: str, text: str) -> Mistake:
    """The library's first error as a sentence, with what was perhaps meant."""
    if "recursion limit" in said:
        return Mistake("is nested too deep", 0)
    found = _FIRST.search(said)
    if found is None:
        return Mistake(said.splitlines()[0] if said else "cannot be read", 0)
    line, column, what = int(found[1]), int(found[2]), found[3].removesuffix(" [INVALID_ARGUMENT]")
    at = sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column - 1
    if undeclared := _UNDECLARED.match(what):
        return _unknown(undeclared[1], text, at)
    if overload := _OVERLOAD.match(what):
        return Mistake(_no_overload(overload[1], overload[2]), at)
    if what.startswith("Syntax error"):
        return Mistake(_syntax(what), min(at, len(text)))
    return Mistake(what, at)


def _unknown(name: str, text: str, at: int) -> Mistake:
    calls = text[at : at + 1] == "("
    known: Iterable[str] = FUNCTIONS if calls else FACTS
    near = difflib.get_close_matches(name, known, n=1)
    at = max(text.rfind(name, 0, at + len(name)), 0)
    if name in known:
        return Mistake(f'"{name}" {USAGE.get(name, "does not take these operands")}', at)
    detector, _, number = name.rpartition(".")
    if any(name in fact.values for fact in FACTS.values()):
        return Mistake(f'unknown fact "{name}"; a text stands in quotes', at)
    if detector and number in DETECTOR_NUMBERS:
        return Mistake(f'unknown fact "{name}"; did you mean detectors["{detector}"].{number}?', at)
    hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(known)}"
    return Mistake(f'unknown {"function" if calls else "fact"} "{name}"; {hint}', at)


def _no_overload(function: str, types: str) -> str:
    kinds = types.strip("()").split(", ")
    sign = _SIGNS.get(function, function.strip("_"))
    if sign in USAGE:
        return f'"{sign}" {USAGE[sign]}'
    said = f'"{sign}" does not take {" and ".join(kinds)}'
    if sorted(kinds) == ["double", "int"]:
        return f"{said}; write a whole number with a point, such as 1.0, or double(...)"
    return said


def _syntax(what: str) -> str:
    detail = what.removeprefix("Syntax error: ")
    detail = re.sub(r" expecting .*", "", detail)
    if "<EOF>" in detail:
        return "ends too early; something is missing"
    token = re.search(r"'(.*)'", detail)
    if token is None:
        return f"cannot be read: {detail}"
    word = token[1].strip("' ")
    hint = f'; write "{INSTEAD[word]}"' if word in INSTEAD else ""
    return f"cannot be read from {word} on{hint}"


def _readable(overload: str) -> str:
    return f"the operation {overload}"
