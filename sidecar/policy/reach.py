"""Rules without effect: conditions that never hold or always do, and rules that an earlier one leaves
nothing to.

An expression is a sentence of logic over comparisons. It is brought into a disjunction of conjunctions
(bounded; a larger one is not looked at), and a conjunction cannot hold when the bounds of some fact leave
it no value: `p > 0.5 && p < 0.1`, `score > 1.0`, `verdict == "outler"`. A rule never fires when its
condition, and none of those that ended the search before it, cannot hold. Only what is sure is said.
"""

from __future__ import annotations

import difflib
import math
from functools import reduce
from typing import NamedTuple

from sidecar.policy.facts import FACTS
from sidecar.policy.rules import ACTIONS, Rule
from sidecar.policy.tree import Node

MOST_TERMS = 256
"""Conjunctions that an expression may come to. Beyond, nothing is said of it."""


class Atom(NamedTuple):
    """A comparison of a fact with a constant, or anything else as it stands. `holds`: whether it is said
    to."""

    subject: str
    sign: str
    value: object
    holds: bool = True


class TooLong(Exception):
    """More conjunctions than `MOST_TERMS`."""


Terms = list[frozenset[Atom]]


class Reach:
    """What a list of rules leaves to the next: `update` with each in its order."""

    def __init__(self) -> None:
        self._left: Terms = [frozenset()]
        self._ended_by = ""

    def update(self, rule: Rule) -> list[str]:
        """What there is to say of the next rule."""
        try:
            said = self._of(rule)
            if ACTIONS[rule.action].ends and not rule.dry_run:
                self._left = _possible(_both(self._left, _terms(rule.when, holds=False)))
                self._ended_by = rule.name
        except TooLong:
            return []
        return said

    def _of(self, rule: Rule) -> list[str]:
        said = [
            f'compares {fact} with "{value}", which it never is; {hint}'
            for fact, value, hint in _strange(rule.when)
        ]
        holds = _possible(_terms(rule.when, holds=True))
        if not holds:
            return [*said, "can never fire: its condition never holds"]
        if not _possible(_both(self._left, holds)):
            return [
                *said,
                f'can never fire: whenever its condition holds, "{self._ended_by}" ends the search first',
            ]
        if rule.when.kind != "const" and not _possible(_terms(rule.when, holds=False)):
            said.append("always fires: its condition always holds")
        return said


# -- expressions to terms ------------------------------------------------------------------------------


def _terms(node: Node, *, holds: bool) -> Terms:
    """The conjunctions of which at least one is true when the expression is `holds`."""
    if node.kind == "const":
        return [frozenset()] if node.value is holds else []
    if node.kind == "call":
        match node.value, holds:
            case "logical_not", _:
                return _terms(node.args[0], holds=not holds)
            case ("logical_and", True) | ("logical_or", False):
                return reduce(_both, [_terms(arg, holds=holds) for arg in node.args])
            case ("logical_and", False) | ("logical_or", True):
                return _bounded([term for arg in node.args for term in _terms(arg, holds=holds)])
            case "in_list", _ if (either := _as_equalities(node)) is not None:
                return _terms(either, holds=holds)
    return [frozenset([_atom(node, holds)])]


def _as_equalities(node: Node) -> Node | None:
    """`x in [a, b]` as `x == a || x == b`."""
    value, values = node.args
    if values.kind != "list" or not values.args:
        return None
    each = [Node("call", "equals", (value, one)) for one in values.args]
    return each[0] if len(each) == 1 else Node("call", "logical_or", tuple(each))


def _both(left: Terms, right: Terms) -> Terms:
    return _bounded([a | b for a in left for b in right])


def _bounded(terms: Terms) -> Terms:
    if len(terms) > MOST_TERMS:
        raise TooLong
    return terms


_SIGNS = {
    **{f"less_{kind}": "<" for kind in ("double", "int64")},
    **{f"less_equals_{kind}": "<=" for kind in ("double", "int64")},
    **{f"greater_{kind}": ">" for kind in ("double", "int64")},
    **{f"greater_equals_{kind}": ">=" for kind in ("double", "int64")},
    "equals": "==",
    "not_equals": "!=",
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def _atom(node: Node, holds: bool) -> Atom:
    sign = _SIGNS.get(str(node.value)) if node.kind == "call" else None
    if sign is not None:
        left, right = node.args
        if left.kind == "const":
            left, right, sign = right, left, _MIRRORED[sign]
        if right.kind == "const":
            subject = _subject(left)
            if not holds and (left.kind == "fact" or sign in ("==", "!=")):
                # Not so for a feature, which may be NaN: it is neither over nor at or under anything.
                return Atom(subject, _NEGATED[sign], right.value)
            return Atom(subject, sign, right.value, holds)
    return Atom(_subject(node), "", None, holds)


def _subject(node: Node) -> str:
    """The expression as text, so that equal ones are the same."""
    inner = ", ".join(map(_subject, node.args))
    return f"{node.kind} {node.value!r}({inner})" if inner else f"{node.kind} {node.value!r}"


# -- which terms can hold ------------------------------------------------------------------------------


def _possible(terms: Terms) -> Terms:
    return [term for term in terms if _can_hold(term)]


def _can_hold(term: frozenset[Atom]) -> bool:
    subjects: dict[str, list[Atom]] = {}
    for atom in term:
        if atom._replace(holds=not atom.holds) in term:
            return False
        subjects.setdefault(atom.subject, []).append(atom)
    return all(_has_value(subject, atoms) for subject, atoms in subjects.items())


def _has_value(subject: str, atoms: list[Atom]) -> bool:
    """Whether some value satisfies all comparisons with one subject."""
    compared = [atom for atom in atoms if atom.sign and atom.holds]
    fact = next((FACTS[name] for name in FACTS if subject == f"fact {name!r}"), None)
    equal = {atom.value for atom in compared if atom.sign == "=="}
    unequal = {atom.value for atom in compared if atom.sign == "!="}
    if len(equal) > 1 or equal & unequal:
        return False
    if fact is not None and fact.values:
        left = set(fact.values) - unequal
        return bool(left & equal if equal else left)
    low = Bound(fact.low if fact else -math.inf, closed=True)
    high = Bound(fact.high if fact else math.inf, closed=True)
    for atom in compared:
        if not isinstance(atom.value, int | float) or isinstance(atom.value, bool):
            continue
        if atom.sign in (">", ">=", "=="):
            low = max(low, Bound(atom.value, atom.sign != ">"), key=lambda one: (one.at, not one.closed))
        if atom.sign in ("<", "<=", "=="):
            high = min(high, Bound(atom.value, atom.sign != "<"), key=lambda one: (one.at, one.closed))
    if low.at == high.at:
        return low.closed and high.closed and low.at not in unequal
    return low.at < high.at


class Bound(NamedTuple):
    """One end of what a number may be."""

    at: float
    closed: bool


def _strange(node: Node) -> list[tuple[str, str, str]]:
    """Facts compared with a text that they never are: (fact, text, what was perhaps meant)."""
    found = []
    for left, right in _compared(node):
        fact = FACTS.get(str(left.value)) if left.kind == "fact" else None
        if fact is not None and fact.values and right.kind == "const" and right.value not in fact.values:
            near = difflib.get_close_matches(str(right.value), fact.values, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"it is one of {', '.join(fact.values)}"
            found.append((str(left.value), str(right.value), hint))
    return found


def _compared(node: Node) -> list[tuple[Node, Node]]:
    pairs: list[tuple[Node, Node]] = []
    if node.kind == "call" and node.value in ("equals", "not_equals"):
        left, right = node.args
        pairs += [(left, right), (right, left)]
    if node.kind == "call" and node.value == "in_list" and node.args[1].kind == "list":
        pairs += [(node.args[0], one) for one in node.args[1].args]
    for arg in node.args:
        pairs += _compared(arg)
    return pairs
