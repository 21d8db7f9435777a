"""An expression as plain data: what is left of CEL's text once it has been parsed and its types are known.

Counterparts: `sidecar.policy.expressions` makes trees, `sidecar.policy.code` makes functions of them. A
tree can be written to a file and read back, and holds nothing that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["const", "fact", "local", "field", "has", "call", "list", "fold"]


class Node(msgspec.Struct, frozen=True, array_like=True):
    """One node. What `value` and `args` are depends on the kind:

    const   a bool, int, float or text
    fact    the name of a fact
    local   the name of a variable of a macro
    field   the key; (map,)
    has     the key; (map,): is it there?
    call    the overload, a key of `sidecar.policy.code.OVERLOADS`; its arguments
    list    None; the elements
    fold    the variable of a macro; (range, start, goes on?, step, result)
    """

    kind: Kind
    value: str | int | float | bool | None
    args: tuple[Node, ...] = ()
    at: int = 0
    """Where it stands in the text, in characters."""


def walk(node: Node) -> Iterator[Node]:
    """The node and everything under it, outermost first."""
    yield node
    for arg in node.args:
        yield from walk(arg)


def facts(node: Node) -> frozenset[str]:
    """The names of the facts that an expression speaks of."""
    return frozenset(str(one.value) for one in walk(node) if one.kind == "fact")
