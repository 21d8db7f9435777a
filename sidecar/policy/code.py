"""Trees to functions: what CEL means, in Python, for the part of it that policies may use.

`OVERLOADS` is that part: every function of CEL for every kind of operands that it is allowed for, as the
type checker names them, with the Python that says the same. What is not on it is refused when a policy is
checked. The library's own evaluation takes two to a hundred times as long; the tests hold both against each
other.

Two functions are made of each expression. The first is plain Python and right whenever nothing goes wrong.
Where something does (a header that is not there, no score), CEL still knows that `false && error` is false
and `true || error` true, whichever side stands first: then the second, slower one says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from sidecar.policy.facts import FACTS
from sidecar.policy.known import OF_THE_HEAD
from sidecar.policy.tree import Node, walk

Function: TypeAlias = Callable[[Any], Any]
"""From facts to a value. Raises whatever went wrong."""

OVERLOADS: dict[str, str] = {
    # -- logic
    "logical_and": "({0} and {1})",
    "logical_or": "({0} or {1})",
    "logical_not": "(not {0})",
    "conditional": "({1} if {0} else {2})",
    "not_strictly_false": "_not_false(lambda: {0})",
    "equals": "({0} == {1})",
    "not_equals": "({0} != {1})",
    # -- order
    **{
        f"{name}_{kind}": f"({{0}} {sign} {{1}})"
        for name, sign in (("less", "<"), ("less_equals", "<="), ("greater", ">"), ("greater_equals", ">="))
        for kind in ("bool", "int64", "double", "string", "duration")
    },
    # -- arithmetic
    "add_int64": "_whole({0} + {1})",
    "subtract_int64": "_whole({0} - {1})",
    "multiply_int64": "_whole({0} * {1})",
    "divide_int64": "_divide({0}, {1})",
    "modulo_int64": "_modulo({0}, {1})",
    "negate_int64": "_whole(-{0})",
    "add_double": "({0} + {1})",
    "subtract_double": "({0} - {1})",
    "multiply_double": "({0} * {1})",
    "divide_double": "_ratio({0}, {1})",
    "negate_double": "(-{0})",
    # -- text
    "add_string": "({0} + {1})",
    "size_string": "len({0})",
    "string_size": "len({0})",
    "contains_string": "({1} in {0})",
    "starts_with_string": "{0}.startswith({1})",
    "ends_with_string": "{0}.endswith({1})",
    # -- lists and maps
    "index_list": "_item({0}, {1})",
    "index_map": "{0}[{1}]",
    "in_list": "({0} in {1})",
    "in_map": "({0} in {1})",
    "size_list": "len({0})",
    "list_size": "len({0})",
    "size_map": "len({0})",
    "map_size": "len({0})",
    "add_list": "_added({0}, {1})",
    # -- from one type to another
    "int64_to_double": "float({0})",
    "double_to_int64": "_truncated({0})",
    "string_to_double": "_number({0})",
    "string_to_int64": "_integer({0})",
    "int64_to_string": "str({0})",
    "string_to_duration": "_duration({0})",
    # -- ours
    "rate_string_duration": "f.meters[...].rate({0}, f.now)",  # `source` knows of which meter
}
"""Overload -> Python; `{0}` is the first operand, which of a method is what stands before the dot."""

RATE = "rate_string_duration"

FEATURES = Node("fact", "features")
"""Asked for one of them, `Facts.feature` need not make a mapping of all."""

DEEPEST = 64
"""Levels that an expression may have. Python's own parser gives up at two hundred brackets."""

ACCUMULATOR = "@result"
"""How CEL calls what a macro has come to so far."""

EXACT = {
    "logical_and": "_and(lambda: {0}, lambda: {1})",
    "logical_or": "_or(lambda: {0}, lambda: {1})",
}
"""What takes the place of these in the second function."""


def function(node: Node) -> Function:
    """What an expression says of facts. Raises KeyError when it holds what `OVERLOADS` has not."""
    hastily, exactly = source(node, OVERLOADS), source(node, OVERLOADS | EXACT)
    plain = _compiled(hastily)
    if hastily == exactly:
        return plain
    exact = _compiled(exactly)

    def evaluate(facts: Any) -> Any:
        try:
            return plain(facts)
        except Exception:
            return exact(facts)

    return evaluate


def hasty(node: Node) -> Function:
    """The first of the two alone: raises wherever something goes wrong, be it of no consequence."""
    return _compiled(source(node, OVERLOADS))


def source(node: Node, overloads: dict[str, str]) -> str:
    """The Python of an expression over facts called `f`. Made of the table and of quoted constants alone."""
    args = [source(arg, overloads) for arg in node.args]
    match node.kind:
        case "const":
            return _constant(node.value)
        case "fact":
            return f"f.{_attribute(str(node.value))}"
        case "call" if node.value == "index_map" and node.args[0] == FEATURES:
            return f"f.feature({args[1]})"
        case "local":
            name = _local(node.value)
            return f"_value({name})" if node.value == ACCUMULATOR else name
        case "field":
            return f"{args[0]}[{node.value!r}]"
        case "has":
            return f"_has({args[0]}, {node.value!r})"
        case "list":
            return f"({', '.join(args)},)" if args else "()"
        case "fold":
            x, result = _local(node.value), _local(ACCUMULATOR)
            both = f"lambda {x}, {result}:"
            return (
                f"_fold({args[0]}, {args[1]}, {both} {args[2]}, {both} {args[3]}, lambda {result}: {args[4]})"
            )
        case _ if node.value == RATE:
            return f"f.meters[{meter_id(node)!r}].rate({args[0]}, f.now)"
        case _:
            return overloads[str(node.value)].format(*args)


class Metered(NamedTuple):
    """What a `rate(...)` counts: by which key, over how many seconds. Equal ones share their `id`."""

    id: str
    key: Function
    seconds: float


def metered(node: Node) -> list[Metered]:
    """Every `rate(...)` in an expression."""
    found = [one for one in walk(node) if one.value == RATE and one.kind == "call"]
    return [Metered(meter_id(one), function(one.args[0]), _window(one)) for one in found]


def meter_id(rate: Node) -> str:
    return f"{source(rate.args[0], OVERLOADS)} {_window(rate):g}s"


def _window(rate: Node) -> float:
    return duration(str(rate.args[1].args[0].value))


def _constant(value: object) -> str:
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise KeyError(f"the constant {value!r}")
    return f"({value!r})"


def _attribute(fact: str) -> str:
    """What a fact is called in Python."""
    if fact not in FACTS:
        raise KeyError(f"the fact {fact!r}")
    return f"asked.{fact}" if fact in OF_THE_HEAD else fact.replace(".", "_")


def _local(name: object) -> str:
    """A variable of a macro under a name that no fact and no function has."""
    return "v_" + re.sub(r"\W", lambda found: f"_{ord(found[0]):x}_", str(name))


def _compiled(text: str) -> Function:
    # Not somebody's text: `source` makes it, from a table and from constants that it quotes.
    made: Function = eval(compile(f"lambda f: {text}", "<policy>", "eval"), _NAMES)  # noqa: S307
    return made


# -- what has no operator in Python, or another meaning ----------------------------------------------


class Failed(Exception):
    """CEL says that this has no value: division by zero, overflow, an index out of range, a text that is no
    number."""


def _and(left: Callable[[], bool], right: Callable[[], bool]) -> bool:
    try:
        if not left():
            return False
    except Exception:
        if right():
            raise
        return False
    return right()


def _or(left: Callable[[], bool], right: Callable[[], bool]) -> bool:
    try:
        if left():
            return True
    except Exception:
        if not right():
            raise
        return True
    return right()


def _not_false(value: Callable[[], bool]) -> bool:
    try:
        return value()
    except Exception:
        return True


def _has(values: Any, name: str) -> bool:
    if name not in values:
        return False
    value = values[name]
    return bool(value == value)  # a missing value is NaN


def _fold(
    values: Iterable[Any],
    result: Any,
    goes_on: Callable[[Any, Any], bool],
    step: Callable[[Any, Any], Any],
    end: Callable[[Any], Any],
) -> Any:
    """A macro over a list, or over the keys of a map. An error in one step may be made good by a later one,
    so it is kept as the result is, and raised by whoever needs it."""
    for value in values:
        if not goes_on(value, result):
            break
        try:
            result = step(value, result)
        except Exception as error:
            result = error
    return end(result)


def _value(held: Any) -> Any:
    if isinstance(held, Exception):
        raise held
    return held


def _whole(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise Failed("overflow")
    return value


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise Failed("division by zero")
    quotient = abs(left) // abs(right)
    return _whole(quotient if (left < 0) == (right < 0) else -quotient)


def _modulo(left: int, right: int) -> int:
    if right == 0:
        raise Failed("modulus by zero")
    return left - right * _divide(left, right) if right != -1 else 0


def _ratio(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _item(values: Any, place: int) -> Any:
    if not 0 <= place < len(values):
        raise Failed("index out of range")
    return values[place]


def _added(left: Iterable[Any], right: Iterable[Any]) -> tuple[Any, ...]:
    return (*left, *right)


def _truncated(value: float) -> int:
    if not abs(value) < 2.0**63:  # NaN, too
        raise Failed("out of range")
    return int(value)


_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_PARTS = re.compile(r"([0-9]+(?:\.[0-9]*)?)(h|ms|m|s|us|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise Failed("not a number")
    return float(text)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise Failed("not a whole number")
    return _whole(int(text))


def duration(text: str) -> float:
    """Seconds of a duration as CEL writes it: `60s`, `1h30m`. Raises Failed."""
    sign, digits = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text)
    parts = _PARTS.findall(digits)
    if not parts or "".join(number + unit for number, unit in parts) != digits:
        raise Failed("not a duration")
    return sign * sum(float(number) * _SECONDS[unit] for number, unit in parts)


_NAMES: dict[str, Any] = {
    "__builtins__": {"len": len, "float": float, "str": str},
    "_and": _and,
    "_or": _or,
    "_not_false": _not_false,
    "_has": _has,
    "_fold": _fold,
    "_value": _value,
    "_whole": _whole,
    "_divide": _divide,
    "_modulo": _modulo,
    "_ratio": _ratio,
    "_item": _item,
    "_added": _added,
    "_truncated": _truncated,
    "_number": _number,
    "_integer": _integer,
    "_duration": duration,
}
