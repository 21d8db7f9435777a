"""Which fields made a row's score what it is.

For an additive detector (ECOD) that is exact: the score is a sum, and each field's part of it is known. For
any other the question is put to the detector itself: how much lower would the score be if this one field had
its typical value? Work is bounded by looking only at the fields that lie farthest from typical, and at fewer
of them where the detector is slow.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sidecar.features import Schema
from sidecar.scoring.detector import Row, Scorer

NAMED = 3
"""How many fields an explanation names: more than three nobody reads in a header."""

ASKED = 64
"""How many fields are left out in turn, at most. A batch of 64 rows is where a row is cheapest."""

STAGES = (8, 32, ASKED)
"""After so many fields it's looked how long it took. The first are asked about in any case."""

SECONDS = 0.002
"""Beyond, no further fields are asked about: others wait. For a detector that takes a millisecond a row, the
fields that lie farthest from typical must do."""


class Fields:
    """The fields behind a detector's columns, and what is typical of each column in the training rows.

    `typical` is the median of each column and `spread` half the width of its middle half, or another positive
    measure where that is 0; both of shape (columns,).
    """

    def __init__(self, schema: Schema, typical: Row, spread: Row) -> None:
        self.names = schema.names
        self.typical = typical
        self.spread = spread
        self.owner = owners(schema)
        """The field of each column, as its place in `names`; shape (columns,)."""
        self._owner = self.owner.tolist()
        self._alone = self._owner == list(range(len(self.names)))

    def top(self, contributions: Sequence[float]) -> tuple[str, ...]:
        """The fields whose columns contributed most, largest first; none that contributed nothing."""
        total = contributions if self._alone else self._added(contributions)
        largest = sorted(range(len(total)), key=total.__getitem__, reverse=True)[:NAMED]
        return tuple(self.names[i] for i in largest if total[i] > 0)

    def _added(self, contributions: Sequence[float]) -> list[float]:
        """What each field contributed, by its value or by being missing."""
        total = [0.0] * len(self.names)
        for field, contribution in zip(self._owner, contributions, strict=True):
            total[field] += contribution
        return total


def owners(schema: Schema) -> NDArray[np.int64]:
    """The field that each of `schema.columns` comes from: its value, or whether it was missing."""
    varying = [i for i, field in enumerate(schema.fields) if field.kind != "constant"]
    indicated = [i for i, field in enumerate(schema.fields) if field.missing]
    return np.array(varying + indicated, dtype=np.int64)


def leave_one_out(
    detector: Scorer, row: Row, fields: Fields, clock: Callable[[], float] = time.thread_time
) -> list[float]:
    """By how much the row's score falls when one field becomes typical, for each column.

    A field that stands in several columns is changed in all of them at once, and has its effect at the first.
    `clock` tells the seconds that this takes: those of the processor, unless the work is done elsewhere.
    """
    distance = np.abs(row - fields.typical) / fields.spread
    farthest = np.zeros(len(fields.names))
    np.maximum.at(farthest, fields.owner, distance)
    asked = np.argsort(-farthest, kind="stable")[:ASKED]
    asked = asked[farthest[asked] > 0]
    effect = np.zeros(row.size)
    ends = clock() + SECONDS
    as_it_is, done = math.nan, 0
    for stage in STAGES:
        some = asked[done:stage]
        changed = np.where(fields.owner == some[:, None], fields.typical, row)
        scores = detector.score_many(np.vstack((row, changed)) if done == 0 else changed)
        if done == 0:
            as_it_is, scores = scores[0], scores[1:]
        effect[[int(np.argmax(fields.owner == field)) for field in some]] = as_it_is - scores
        done = stage
        if done >= len(asked) or clock() >= ends:
            break
    return effect.tolist()
