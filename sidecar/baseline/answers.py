"""Fits what answers are like, from the columns of the training data that hold the model's answers.

Rows are dealt out as for the questions: some are compared with, some bring two scores to one scale, some
calibrate.
Counterpart: `sidecar.scoring.answers`, which is what is fitted here, and says what the scores are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.baseline import fitting
from sidecar.baseline.learning_apart import laid_out
from sidecar.baseline.schema import infer
from sidecar.baseline.split import Parts, Rows
from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.features import Schema
from sidecar.scoring.answers import (
    ALONE,
    NEIGHBOURS,
    PREFIX,
    ROWS,
    Conditional,
    encoded,
    in_spreads,
    raw_scores,
    statistic,
)
from sidecar.scoring.calibration import Surprise
from sidecar.scoring.detector import Arrays, Floats
from sidecar.scoring.detectors import DETECTORS

MOST_COLUMNS = 256
"""Of answers as points: an embedding, or the probabilities of 256 classes."""


def fit(
    table: Table, questions: Matrix, parts: Parts, typical: Floats, spread: Floats, seed: int
) -> tuple[Schema, Arrays]:
    """The schema of the answers in `table`, and the arrays of their reference.

    `questions` is the detectors' matrix of the same rows; those without any answer are left out. Raises
    DataError when no answers can be compared.
    """
    table, questions, parts = _answered(table, questions, parts)
    schema = _plain(infer(table)[0], table)
    features = laid_out(table, schema)
    answers = encoded(features.matrix, schema)
    if answers.shape[1] > MOST_COLUMNS:
        raise DataError(f"{table.file}: answers of {answers.shape[1]} columns are more than {MOST_COLUMNS}")
    unusable = np.array(list(features.unscorable), dtype=np.int64)
    parts = Parts(
        *(np.setdiff1d(rows, unusable, assume_unique=True) if unusable.size else rows for rows in parts)
    )
    if min(map(len, parts)) < 1 or len(parts.fit) < 2 * NEIGHBOURS:
        raise DataError(f"{table.file}: too few rows have answers that can be compared")
    near = in_spreads(questions, typical, spread)
    own = parts.fit[:ROWS]
    scale = _scale(answers[own], schema)
    model = fitting.fit_detector(ALONE, answers[parts.fit] / scale, seed)
    alone = DETECTORS[ALONE].from_pyod(model)
    conditional = Conditional(near[own], answers[own] / scale, scale, 1.0)
    standard_rows, calibration_rows = parts.standard, parts.calibration
    floor = _floor(conditional, near, answers, standard_rows)
    conditional = Conditional(conditional.questions, conditional.answers, scale, floor)
    standard = raw_scores(alone, conditional, near[standard_rows], answers[standard_rows])
    surprises = (Surprise(standard[:, 0]), Surprise(standard[:, 1]))
    held_out = raw_scores(alone, conditional, near[calibration_rows], answers[calibration_rows])
    arrays: Arrays = {
        "questions": conditional.questions,
        "answers": conditional.answers,
        "scale": scale,
        "floor": np.array([floor]),
        "standard": standard,
        "calibration": np.sort(statistic(surprises, held_out)),
        **{f"alone/{name}": array for name, array in alone.arrays().items()},
    }
    return schema, {PREFIX + name: array for name, array in arrays.items()}


def taken(table: Table, wanted: Sequence[str]) -> tuple[Table, Table | None]:
    """The table without the columns of answers, and these as a table of their own. A name that ends in a star
    stands for all columns that begin so, under what comes after. Raises DataError when there is none."""
    answers: dict[str, NDArray[Any]] = {}
    rest = dict(table.columns)
    for name in wanted:
        start = name.removesuffix("*")
        found = [one for one in rest if one == name or (start != name and one.startswith(start))]
        if not found:
            raise DataError(
                f"{table.file}: has no column {name!r} of answers; it has {', '.join(table.columns)}"
            )
        for one in found:
            answers[one if start == name else one.removeprefix(start)] = rest.pop(one)
    return msgspec.structs.replace(table, columns=rest), (Table(table.file, answers) if answers else None)


def _answered(table: Table, questions: Matrix, parts: Parts) -> tuple[Table, Matrix, Parts]:
    """The rows that have an answer, and which of them are for what."""
    there = np.zeros(table.rows, dtype=np.bool_)
    for column in table.columns.values():
        missing = column != column if column.dtype.kind == "f" else [value is None for value in column]
        there |= ~np.reshape(missing, (len(there), -1)).all(axis=1)
    columns = {name: column[there] for name, column in table.columns.items()}
    place = np.cumsum(there) - 1
    dealt = Parts(*(place[rows[there[rows]]] for rows in parts))
    return msgspec.structs.replace(table, columns=columns), questions[there], dealt


def _plain(schema: Schema, table: Table) -> Schema:
    """Without what is read as several fields: answers are compared as numbers and labels."""
    made = {name for reading in schema.readings for name in reading.fields}
    fields = tuple(field for field in schema.fields if field.name not in made)
    if all(field.kind == "constant" for field in fields):
        raise DataError(f"{table.file}: no answer varies that is a number or a label")
    return Schema(fields)


def _scale(answers: Matrix, schema: Schema) -> Floats:
    """What a step of each column is: a deviation of a number; the whole way from one category to another."""
    deviation = answers.std(axis=0)
    numbers = sum(field.kind == "number" for field in schema.fields)
    if numbers < answers.shape[1]:
        ones = ((answers == 0) | (answers == 1)).all(axis=0)
        deviation = np.where(ones, 1.0, deviation)
    return np.where(deviation > 0, deviation, 1.0)


def _floor(conditional: Conditional, near: Matrix, answers: Matrix, rows: Rows) -> float:
    """How far answers mostly are from those of their neighbours, a quarter of it: where neighbours agree by
    chance, a small difference must not look like a large one."""
    unit = Conditional(conditional.questions, conditional.answers, conditional.scale, 1e9)
    distances = unit.score_many(near[rows], answers[rows]) * 1e9
    typical = float(np.quantile(distances, 0.75))
    return typical / 4 if typical > 1e-9 else 0.05
