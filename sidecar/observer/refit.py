"""Refit: a fresh baseline from clean traffic, tried against the one in use before anybody scores with it.

    idle -> due -> fitting -> contest -> adopted, or refused with the reason -> idle

It is due when somebody asks, or every `refit-seconds`. The rows are those that the observer keeps for
cohorts, which were drawn evenly from the last `cohort-seconds`: the ones that were not flagged, and of the
flagged ones the least odd, as many as clean traffic has (or each refit would cut off the tails that the last
one left). Nothing is learned from a time in which an alarm stood, and what was learned is thrown away when
one is raised meanwhile.

Pure state; `sidecar.observer.refitting` runs the processes, `sidecar.contest` says who wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from sidecar.contest import RULES, Contest, broken
from sidecar.features import Schema
from sidecar.observer import kept_values
from sidecar.observer.learning import ANSWER
from sidecar.observer.reservoir import Weighted

LEAST_ROWS = 200
"""Kept rows; with fewer the new baseline's p-values would be too coarse for a threshold of 0.01."""

TRIED_ON = 0.2
"""The share of the clean rows that is not fitted on: the contest is held with them."""

WEIGHT = "sidecar_weight"
"""The column that says how many rows of traffic a kept one stands for."""

_json = msgspec.json.Encoder()


class Refused(Exception):
    """No refit now; the message says why."""


class Rows(NamedTuple):
    """Lines of JSON to fit on, each with its weight, and lines to hold the contest with."""

    fit: list[bytes]
    tried: list[bytes]


class Outcome(msgspec.Struct, frozen=True):
    """What came of the last refit. `reason` is empty when the challenger was adopted."""

    asked: float
    ended: float
    rows: int
    reason: str
    contest: Contest | None = None

    @property
    def adopted(self) -> bool:
        return not self.reason


class KeptRefit(msgspec.Struct, frozen=True):
    """Refit as it is kept on disk."""

    last: float
    baseline: str
    outcome: Outcome | None


class Refit:
    """When to learn anew, and what came of it. `seconds`: between refits that nobody asks for; 0: none."""

    def __init__(self, seconds: float, now: float) -> None:
        self.fitting = False
        self.outcome: Outcome | None = None
        self.baseline = ""
        """Directory of the baseline that was adopted last, to be scored with from then on."""
        self._before = ""
        self._seconds = seconds
        self._last = now
        self._wanted = False
        self._rows = 0

    def demand(self) -> None:
        """Somebody asks for a refit."""
        self._wanted = True

    def due(self, now: float) -> bool:
        """Whether to begin now. Calling it begins."""
        on_schedule = self._seconds > 0 and now - self._last >= self._seconds
        if self.fitting or not (self._wanted or on_schedule):
            return False
        self.fitting, self._wanted, self._last = True, False, now
        return True

    def begun(self, rows: Rows) -> None:
        """So many rows were found for it."""
        self._rows = len(rows.fit) + len(rows.tried)

    def refused(self, reason: str, now: float, contest: Contest | None = None) -> None:
        """The baseline in use stays."""
        self._ended(Outcome(self._last, now, self._rows, reason, contest))

    def decided(self, contest: Contest, now: float) -> bool:
        """The contest was held. Whether the challenger has won, and is `baseline` from now on."""
        if lost := broken(contest):
            says = {rule.name: rule.says for rule in RULES}
            self.refused(f"it should hold that {'; that '.join(says[name] for name in lost)}", now, contest)
            return False
        self._before, self.baseline = self.baseline, contest.challenger.directory
        self._ended(Outcome(self._last, now, self._rows, "", contest))
        return True

    def undone(self, reason: str, now: float) -> None:
        """Whoever was to score with the new baseline would not have it."""
        contest = self.outcome.contest if self.outcome is not None else None
        self.baseline = self._before
        self.refused(reason, now, contest)

    def _ended(self, outcome: Outcome) -> None:
        self.outcome, self.fitting, self._rows = outcome, False, 0

    def keep(self) -> KeptRefit:
        return KeptRefit(self._last, self.baseline, self.outcome)

    def restore(self, kept: KeptRefit) -> None:
        """Go on from a snapshot. A refit that was under way is forgotten; so is a baseline that is gone."""
        self._last, self.outcome = kept.last, kept.outcome
        self.baseline = kept.baseline if Path(kept.baseline).is_dir() else ""


def rows(
    clean: Iterable[Weighted],
    flagged: Iterable[Weighted],
    schema: Schema,
    threshold: float,
    quiet_since: float,
    answers: Schema | None = None,
    seed: int = 0,
) -> Rows:
    """The rows to learn from, each its fields: the hour of a date, and not the date. `quiet_since`: rows of
    calls before are not used, an alarm stood then. `answers`: the schema of the answers that were kept beside
    them, if any. Raises Refused when they are too few."""
    recent = [one for one in clean if one.row.time >= quiet_since]
    odd = sorted((one for one in flagged if one.row.time >= quiet_since), key=lambda one: -one.row.p)
    if len(recent) < LEAST_ROWS:
        raise Refused(f"{len(recent)} clean rows are kept, and {LEAST_ROWS} are needed")
    chosen = recent + tail(odd, threshold / (1.0 - threshold) * sum(one.weight for one in recent))
    order = np.random.default_rng(seed).permutation(len(chosen)).tolist()
    cut = math.ceil(TRIED_ON * len(chosen))
    tried, fit = [chosen[i] for i in order[:cut]], [chosen[i] for i in order[cut:]]
    return Rows(
        [_json.encode({**_row(one, schema), **_answer(one, answers), WEIGHT: one.weight}) for one in fit],
        [_json.encode(_row(one, schema)) for one in tried],
    )


def tail(odd: Sequence[Weighted], weight: float) -> list[Weighted]:
    """The first of the flagged rows, until they stand for so many."""
    taken: list[Weighted] = []
    total = 0.0
    for one in odd:
        total += one.weight
        if total > weight:
            break
        taken.append(one)
    return taken


def _row(one: Weighted, schema: Schema) -> dict[str, Any]:
    # JSON has no NaN: None is written as null, which `sidecar fit` reads as missing.
    return dict(zip(schema.names, kept_values.fields(one.row, schema), strict=True))


def _answer(one: Weighted, schema: Schema | None) -> dict[str, Any]:
    """What the model answered, as learning names it; nothing where that wasn't read."""
    found = kept_values.answer(one.row, schema) if schema is not None else []
    return {ANSWER + name: value for name, value in zip(schema.names if schema else (), found, strict=False)}
