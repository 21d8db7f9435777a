"""Lays the pairs of several sidecars side by side: what exactly each model was told, and what it made of it.

A model that asks the next one while it answers has two outputs: the question that it sends on, and the answer
that it gives in the end, for which the next model's answer is an input. Its own sidecar sees only the outer
pair; the next one's has the rest, and rows of one call share a trace. So

    the next model is asked within the call   ->   questions to next: own question -> next one's question
                                                   answers: own question and next one's answer -> own answer
    the caller, or nobody, passes it on       ->   answers: own question -> own answer

Pure. Counterpart: `sidecar.cascade.decision`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sidecar.cascade.pairs import Pairs, Row, Value, Witness

SLACK_SECONDS, SLACK_SHARE = 0.001, 0.1
"""What clocks of two machines may differ by when it is told whether a call lies within another: seconds, and
a share of the outer call. A call that follows another begins after its end, so it is never taken for one
within."""

ANSWERS = "answers"


class Told(NamedTuple):
    """One row of a stage: when its call began, and both sides."""

    began: float
    asked: tuple[Value, ...]
    answered: tuple[Value, ...]


class Stage(NamedTuple):
    """One thing that a model does, in order of time. `part` says which, as in `Finding.part`."""

    part: str
    asked: tuple[str, ...]
    answered: tuple[str, ...]
    rows: tuple[Told, ...]


class Model(NamedTuple):
    """One model of the chain: its name, its pairs, and its stages."""

    name: str
    pairs: Pairs
    stages: tuple[Stage, ...]


def models(witnesses: Sequence[Witness]) -> tuple[Model, ...]:
    """Every model that somebody kept pairs of."""
    named = [(name_of(witness, pairs), pairs) for witness in witnesses for pairs in witness.pairs]
    return tuple(
        Model(
            name, pairs, tuple(_stages(pairs, [(other, theirs) for other, theirs in named if other != name]))
        )
        for name, pairs in named
    )


def name_of(witness: Witness, pairs: Pairs) -> str:
    """A model's name in a chain: its service, and its own name where a service has several."""
    return witness.service if len(witness.pairs) == 1 else f"{witness.service}:{pairs.model or pairs.route}"


def within(pairs: Pairs, theirs: Pairs) -> dict[tuple[str, int], Row]:
    """The rows of `theirs` that were asked within calls of `pairs`, by trace and row; none unless that is how
    these two usually go together."""
    ours = {(row.trace, row.row): row for row in pairs.rows if row.trace}
    met = [(key, row) for row in theirs.rows if (key := (row.trace, row.row)) in ours]
    inside = {key: row for key, row in met if _lies_within(row, ours[key])}
    return inside if 2 * len(inside) > len(met) else {}


def _lies_within(row: Row, outer: Row) -> bool:
    lasts = outer.ended - outer.began
    slack = SLACK_SECONDS + SLACK_SHARE * lasts
    return (
        row.ended - row.began < lasts
        and outer.began - slack <= row.began < outer.ended
        and row.ended <= outer.ended + slack
    )


def _stages(pairs: Pairs, others: Sequence[tuple[str, Pairs]]) -> Iterable[Stage]:
    nested = [(name, theirs, found) for name, theirs in others if (found := within(pairs, theirs))]
    for name, theirs, found in _nearest(nested):
        rows = [
            Told(row.began, row.asked, found[row.trace, row.row].asked)
            for row in pairs.rows
            if (row.trace, row.row) in found
        ]
        yield Stage(f"questions to {name}", pairs.asked, theirs.asked, tuple(rows))
    direct = _nearest(nested)
    told = [
        Told(row.began, (*row.asked, *(v for f in answers for v in f.answered)), row.answered)
        for row in pairs.rows
        if len(answers := [f[row.trace, row.row] for _, _, f in direct if (row.trace, row.row) in f])
        == len(direct)
    ]
    asked = (*pairs.asked, *(f"{name}: {column}" for name, theirs, _ in direct for column in theirs.answered))
    yield Stage(ANSWERS, asked, pairs.answered, tuple(told))


def _nearest(
    nested: Sequence[tuple[str, Pairs, dict[tuple[str, int], Row]]],
) -> list[tuple[str, Pairs, dict[tuple[str, int], Row]]]:
    """Without those that lie within another one: a model asks the next, not the one after it."""
    return [
        one for one in nested if not any(other is not one and within(other[1], one[1]) for other in nested)
    ]
