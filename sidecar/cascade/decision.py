"""Who broke the chain: from witnesses to an answer. Pure.

| a model changed | an edge broke | questions from outside moved | answer |
| --- | --- | --- | --- |
| yes | any | any | `model`: that one |
| no | yes | any | `edge`: what lies between two models |
| no | no | yes | `outside`: none, the outside world changed |
| no | no | no | `nothing` |

"Changed" is decided by `sidecar.cascade.conditional`, and for certain by old questions that were asked again.
Of several that changed the one whose change came first is named, if that is beyond doubt, else the one that
changed most. Counterparts: `sidecar.cascade.stages`, `sidecar.cascade.sentences`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sidecar.cascade import sentences
from sidecar.cascade.conditional import Change, change
from sidecar.cascade.edges import Side, edge
from sidecar.cascade.marginal import moved
from sidecar.cascade.onset import onset
from sidecar.cascade.pairs import Answer, EdgeFinding, Finding, Onset, Replayed, Verdict, Witness
from sidecar.cascade.stages import Model, Stage, Told, models
from sidecar.cascade.vectors import vectors

STRENGTH = 6.0
"""Standard deviations that a change must have. Exchanges have a longer tail than a normal law."""

SPILL = 0.6
"""A change weaker than this share of the strongest may be its spill, and is not named for being early."""

BEFORE, AFTER = 600, 400
"""Rows on each side that are compared at most."""

LEAST_ROWS = 60
"""Rows that a model must have on each side to be judged."""

CERTAIN = Change(0.0, float("inf"), 0, 1.0)
"""An old question that a steady model now answers otherwise."""


class Judged(NamedTuple):
    """A stage's rows on both sides, and what was found of it."""

    stage: Stage
    before: Sequence[Told]
    after: Sequence[Told]
    change: Change


def answer(witnesses: Sequence[Witness], since: float = 0.0) -> Answer:
    """The origin of what goes wrong in a chain. `since` (Unix seconds) parts before from after; without it
    the older half of what was kept is compared with the latest."""
    found = models(witnesses)
    replayed = {witness.service: witness.replayed for witness in witnesses if witness.replayed is not None}
    findings = tuple(_finding(model, replayed.get(model.name.partition(":")[0]), since) for model in found)
    links = _links(witnesses, found)
    edges = tuple(_edge(model, other, since) for model, other in links)
    return concluded(findings, edges, links_of(links))


def concluded(
    findings: Sequence[Finding], edges: Sequence[EdgeFinding], links: Sequence[tuple[str, str]]
) -> Answer:
    """The table at the head of this module."""
    changed = ranked([one for one in findings if one.changed])
    broken = [one for one in edges if one.broken]
    judged = [one for one in findings if min(one.rows_before, one.rows_after) >= LEAST_ROWS]
    fed = {target for _, target in links}
    moved_outside = [one for one in judged if one.asked_moved and one.model not in fed] or [
        one for one in judged if one.asked_moved
    ]
    verdict: Verdict
    origin, since = "", 0.0
    if changed:
        verdict, origin = "model", changed[0].model
        since = changed[0].onset.likeliest if changed[0].onset else 0.0
    elif broken:
        verdict, origin = "edge", f"{broken[0].source} -> {broken[0].target}"
    elif moved_outside:
        verdict = "outside"
    else:
        verdict = "nothing" if judged else "unknown"
    others = [one for one in sorted(findings, key=lambda one: -one.strength) if one.model != origin]
    suffers = tuple(
        one.model
        for one in findings
        if verdict in ("model", "edge")
        and one.model in downstream(origin.rpartition(" -> ")[2] if verdict == "edge" else origin, links)
        and (one.asked_moved or one.answered_moved)
    )
    return Answer(
        verdict,
        origin,
        since,
        sentences.sentence(verdict, origin, changed, broken, moved_outside, findings),
        sentences.evidence(verdict, changed, broken, moved_outside, findings),
        sentences.runner_up(others),
        suffers,
        tuple(findings),
        tuple(edges),
    )


def ranked(changed: Sequence[Finding]) -> list[Finding]:
    """Those that changed, the origin first."""
    strongest = sorted(changed, key=lambda one: -one.strength)
    real = [one for one in strongest if one.strength >= SPILL * strongest[0].strength and one.onset]
    for one in real:
        assert one.onset is not None
        if all(other is one or one.onset.latest < _earliest(other) for other in real):
            return [one, *(other for other in strongest if other is not one)]
    return strongest


def _earliest(one: Finding) -> float:
    assert one.onset is not None
    return one.onset.earliest


def downstream(model: str, links: Sequence[tuple[str, str]]) -> set[str]:
    """Every model that is fed by `model`, over however many others."""
    reached, frontier = {model}, [model]
    while frontier:
        at = frontier.pop()
        for source, target in links:
            if source == at and target not in reached:
                reached.add(target)
                frontier.append(target)
    return reached - {model}


# -- one model ------------------------------------------------------------------------------------------


def _finding(model: Model, replayed: Replayed | None, since: float) -> Finding:
    judged = [_judged(stage, since) for stage in model.stages]
    worst = max(judged, key=lambda one: one.change.strength)
    # Several things of one model are looked at; each gets its share of the error.
    p = min(1.0, worst.change.p * len(judged))
    found, changed = worst.change, worst.change.strength >= STRENGTH and p <= 0.01
    at = _onset(worst, model) if changed else None
    if replayed is not None and replayed.steady and replayed.same + replayed.different:
        changed = replayed.different > 0
        if changed:
            p, found = 0.0, CERTAIN._replace(pairs=found.pairs, support=found.support)
            at = Onset(replayed.different_since, replayed.same_until, replayed.different_since)
        else:
            at, found = None, found._replace(strength=0.0)
    before, after = split(told(model), since)
    return Finding(
        model.name,
        changed,
        p,
        found.strength,
        found.pairs,
        found.support,
        worst.stage.part,
        len(worst.before),
        len(worst.after),
        at,
        _versions(model, before, after),
        moved(model.pairs.asked, [row.asked for row in before], [row.asked for row in after]),
        moved(model.pairs.answered, [row.answered for row in before], [row.answered for row in after]),
        replayed,
    )


def told(model: Model) -> list[Told]:
    """A model's own pairs, whatever happened within its calls."""
    return [Told(row.began, row.asked, row.answered) for row in model.pairs.rows]


def split(rows: Sequence[Told], since: float) -> tuple[Sequence[Told], Sequence[Told]]:
    """The rows before and after: at `since`, or the older half and the latest quarter."""
    if since:
        before = [row for row in rows if row.began < since]
        after = [row for row in rows if row.began >= since]
    else:
        before, after = list(rows[: len(rows) // 2]), list(rows[len(rows) - min(AFTER, len(rows) // 4) :])
    return thinned(before, BEFORE), after[-AFTER:]


def thinned(rows: Sequence[Told], most: int) -> Sequence[Told]:
    """At most `most` rows, evenly spaced."""
    if len(rows) <= most:
        return rows
    return [rows[i * len(rows) // most] for i in range(most)]


def _judged(stage: Stage, since: float) -> Judged:
    before, after = split(stage.rows, since)
    if min(len(before), len(after)) < LEAST_ROWS:
        return Judged(stage, before, after, Change(1.0, 0.0, 0, 0.0))
    old, rows = len(before), [*before, *after]
    asked, answered = vectors([row.asked for row in rows]), vectors([row.answered for row in rows])
    return Judged(
        stage,
        before,
        after,
        change((asked[:old], answered[:old]), (asked[old:], answered[old:])),
    )


def _onset(judged: Judged, model: Model) -> Onset:
    last, first = judged.before[-1].began, judged.after[0].began
    between = thinned([row for row in judged.stage.rows if last < row.began < first], BEFORE)
    rows = [*judged.before, *between, *judged.after]
    times = np.array([row.began for row in rows])
    asked, answered = vectors([row.asked for row in rows]), vectors([row.answered for row in rows])
    return onset(times, asked, answered, len(judged.before), len(judged.after))


def _versions(model: Model, before: Sequence[Told], after: Sequence[Told]) -> tuple[str, str]:
    if not before or not after:
        return "", ""
    rows = model.pairs.rows
    old = Counter(row.version for row in rows if row.began <= before[-1].began)
    new = Counter(row.version for row in rows if row.began >= after[0].began)
    return old.most_common(1)[0][0], new.most_common(1)[0][0]


# -- edges ----------------------------------------------------------------------------------------------


def _links(witnesses: Sequence[Witness], found: Sequence[Model]) -> list[tuple[Model, Model]]:
    """Edges between models that are there. Nested ones too: a question sent on is an edge."""
    by_name = {model.name: model for model in found}
    named = {pair for witness in witnesses for pair in witness.edges}
    for model in found:
        named |= {
            (model.name, stage.part.removeprefix("questions to "))
            for stage in model.stages
            if stage.part.startswith("questions to ")
        }
    return [
        (by_name[source], by_name[target])
        for source, target in sorted(named)
        if source in by_name and target in by_name and source != target
    ]


def links_of(links: Sequence[tuple[Model, Model]]) -> list[tuple[str, str]]:
    """By name."""
    return [(source.name, target.name) for source, target in links]


def _edge(source: Model, target: Model, since: float) -> EdgeFinding:
    """A question that was sent on within a call is the source's own doing, and judged there."""
    if any(stage.part == f"questions to {target.name}" for stage in source.stages):
        return EdgeFinding(source.name, target.name, (), ())
    ours, theirs = split(told(source), since), split(told(target), since)
    if min(map(len, (*ours, *theirs))) < LEAST_ROWS:
        return EdgeFinding(source.name, target.name, (), ())
    answers = ([row.answered for row in side] for side in ours)
    questions = ([row.asked for row in side] for side in theirs)
    return edge(
        Side(source.name, source.pairs.answered, *answers), Side(target.name, target.pairs.asked, *questions)
    )
