"""Is what a model is asked still what the one before it answers? Pure.

Columns that belong together are found by their values: the very numbers or texts of an answer stand in the
next question. (That two columns are distributed alike says little: many are.) Where they did and no longer
do, something between the two models changed: a unit, a rounding, a different field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sidecar.cascade.pairs import EdgeFinding, Value

COLUMNS = 32
"""Columns of each side that are looked at."""

DIFFERENT = 20
"""Different values that a column must have: everybody has the same few labels."""

FED = 0.2
"""Share of questions whose value stands among the answers, from which a column is fed by another. Far below
one, because the two sidecars may have kept different calls."""

BROKEN = 0.25
"""The share after, as a part of the one before, at which a column is no longer fed."""

DIGITS = 5
"""Significant digits compared: fewer than single precision has, in which many values travel."""


class Side(NamedTuple):
    """One model's names of columns and rows: the source's answers, or the target's questions."""

    model: str
    names: Sequence[str]
    before: Sequence[tuple[Value, ...]]
    after: Sequence[tuple[Value, ...]]


def edge(source: Side, target: Side) -> EdgeFinding:
    """Which columns of the target were fed by which of the source, and which of those no longer are."""
    answers = [
        {_canonical(row[i]) for row in (*source.before, *source.after)}
        for i in range(min(COLUMNS, len(source.names)))
    ]
    fed, broken = [], []
    for j, name in enumerate(target.names[:COLUMNS]):
        if len({_canonical(row[j]) for row in target.before}) < DIFFERENT:
            continue
        shares = [_share(target.before, j, known) for known in answers]
        best = max(range(len(shares)), key=shares.__getitem__, default=-1)
        if best < 0 or shares[best] < FED:
            continue
        fed.append((source.names[best], name))
        if _share(target.after, j, answers[best]) <= BROKEN * shares[best]:
            broken.append((source.names[best], name))
    return EdgeFinding(source.model, target.model, tuple(fed), tuple(broken))


def _share(rows: Sequence[tuple[Value, ...]], column: int, known: set[str]) -> float:
    return sum(_canonical(row[column]) in known for row in rows) / max(1, len(rows))


def _canonical(value: Value) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
