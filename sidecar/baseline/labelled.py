"""Learns what the model's answers are expected to turn out to be, from rows of the data whose truth is known.

Rows that the model was trained on make it look better than it is, and all that comes after look like concept
drift. So a row counts only where the column of labels has something: leave it empty for those.
Counterparts: `sidecar.scoring.validation`, which is what is stored; `sidecar.observer.truth`, which uses it.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.exchange import Matrix
from sidecar.labels import realised
from sidecar.labels.label import canonical
from sidecar.labels.prediction import LEAST, roles
from sidecar.labels.said import Said
from sidecar.scoring import validation
from sidecar.scoring.artifact import Validation
from sidecar.scoring.bins import Bins, ReferenceField
from sidecar.scoring.detector import Arrays
from sidecar.scoring.expectation import Answers, learn

ROWS = 20_000
"""Rows learned from at most: no test counts its reference for more than 5,000."""

FEWEST = 10
"""Rows of each of two classes."""


def taken(table: Table, column: str) -> tuple[Table, NDArray[Any]]:
    """The table without the column of labels, and these. Raises DataError when there is none."""
    if column not in table.columns:
        raise DataError(
            f"{table.file}: has no column {column!r} of labels; it has {', '.join(table.columns)}"
        )
    rest = dict(table.columns)
    labels = rest.pop(column)
    if labels.ndim != 1:
        raise DataError(f"{table.file}: column {column!r} of labels has several numbers a row")
    return msgspec.structs.replace(table, columns=rest), labels


def fit(
    answered: Table,
    labels: NDArray[Any],
    values: Matrix,
    reference: tuple[ReferenceField, ...],
    said: Said,
    seed: int,
) -> tuple[Validation, Arrays]:
    """What is kept of labelled rows. `answered` holds the model's answers, `values` (rows, fields) the inputs
    of the same rows. Raises DataError when they are too few, or no output is the prediction."""
    truth = [canonical(label) for label in labels.tolist()]
    known = np.flatnonzero([label is not None for label in truth])
    known = np.sort(np.random.default_rng(seed).permutation(known)[:ROWS])
    names = tuple(answered.columns)
    columns = [column[known].tolist() for column in answered.columns.values()]
    answers = [tuple(map(canonical, row)) for row in zip(*columns, strict=True)]
    given = [label for label in (truth[row] for row in known.tolist()) if label is not None]
    if len(given) < LEAST:
        raise DataError(f"{answered.file}: {len(given)} rows have labels, and it takes {LEAST}")
    found = roles(names, answers, given, said)
    if isinstance(found, str):
        raise DataError(f"{answered.file}: {found}; --prediction says which output is the prediction")
    read = [(found.read(answer), found.index(label)) for answer, label in zip(answers, given, strict=True)]
    usable = [i for i, (said_of, true) in enumerate(read) if said_of is not None and true == true]
    if len(usable) < LEAST:
        raise DataError(
            f"{answered.file}: {len(usable)} rows have a prediction and a label, and it takes {LEAST}"
        )
    told = [said_of for said_of, _ in (read[i] for i in usable) if said_of is not None]
    rows = realised.Rows(
        np.array([predicted for predicted, _ in told]),
        np.array([read[i][1] for i in usable]),
        np.array([scores for _, scores in told], dtype=np.float64).reshape(len(told), -1),
    )
    if found.kind == "binary" and min(rows.truth.sum(), (1 - rows.truth).sum()) < FEWEST:
        raise DataError(f"{answered.file}: of each of the two classes it takes {FEWEST} labelled rows")
    codes = Bins(reference).within(values[known[usable]])
    expected = learn(found.kind, len(found.classes), Answers(rows.predicted, rows.scores, codes), rows.truth)
    measures = realised.measures(found.kind, rows, len(found.classes))
    told_of = Validation(names, found, len(usable), dict(measures))
    return told_of, validation.arrays(expected)
