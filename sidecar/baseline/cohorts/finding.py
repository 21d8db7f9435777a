"""The story of a search for groups: from a question and some training rows to the answer."""

from __future__ import annotations

import numpy as np

from sidecar import cohort
from sidecar.baseline.cohorts import drawing, grouping, traits
from sidecar.cohort import Answer, Group, KeptRow, Question
from sidecar.exchange import Matrix
from sidecar.features import Field

MAP_AXES = 2

ENOUGH_CLEAN = 50
"""With fewer clean rows to compare with, training rows stand in beside them."""

EXAMPLES = 5
"""Rows named as typical of a group."""


def find(question: Question, fields: tuple[Field, ...], training: Matrix) -> Answer:
    """The groups among the flagged rows of `question`, and a map of all rows.

    `training` are rows that the baseline was fitted on, (rows, fields), in any number. The same question has
    the same answer.
    """
    flagged = cohort.values(question.flagged, len(fields))
    clean = _shuffled(cohort.matrix(question.clean, len(fields)))
    # Training rows first: clean traffic has those of a group that were not odd enough to be flagged.
    among = np.concatenate((_shuffled(training), clean))[: len(flagged)]
    pool = np.concatenate((flagged, among))
    projection = drawing.draw(pool, fields)
    if projection is None:  # all rows are the same
        return Answer(())
    found = grouping.groups(projection.place(pool), len(flagged))
    ordinary = clean if len(clean) >= ENOUGH_CLEAN else np.concatenate((clean, training))
    chart = drawing.aligned(projection.first(MAP_AXES), question.previous, pool)
    return Answer(
        tuple(_described(one, question.flagged, flagged, ordinary, training, fields) for one in found),
        chart,
        drawing.pairs(chart.place(training)),
        len(ordinary),
    )


def _described(
    found: grouping.Found,
    rows: tuple[KeptRow, ...],
    flagged: Matrix,
    ordinary: Matrix,
    training: Matrix,
    fields: tuple[Field, ...],
) -> Group:
    members = [rows[i] for i in found.members.tolist()]
    inside = flagged[found.members]
    told = traits.traits(inside, ordinary, fields, [row.new for row in members])
    return Group(
        tuple(row.serial for row in members),
        tuple(row.serial for row in members[:EXAMPLES]),
        told,
        traits.together(inside, told, fields),
        traits.together(ordinary, told, fields),
        found.ordinary,
        traits.together(training, told, fields) if told and len(training) else None,
    )


def _shuffled(rows: Matrix) -> Matrix:
    """The rows in random order, so that any first part of them is a fair sample."""
    return rows[np.random.default_rng(0).permutation(len(rows))]
