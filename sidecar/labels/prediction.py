"""Which output is the prediction. Inferred from rows that have labels, or said by a setting.

Labels are classes when they're text, or few whole numbers of which an output speaks: by name, by
probability or by score. Otherwise they're quantities. Pure functions on plain values.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.labels.label import Value, canonical, shown
from sidecar.labels.said import Said

Kind = Literal["binary", "multiclass", "regression"]

LEAST = 50
"""Rows with labels before it's decided what the prediction is."""

CLASSES = 64
"""Different whole numbers up to which labels may be classes."""

ALIKE = 0.95
"""Of an output's values, how many must be classes for it to be the predicted class."""

Vector = NDArray[np.float64]
Answers = Sequence[Sequence[Value | None]]
"""The values of each row's outputs."""


class Roles(msgspec.Struct, frozen=True):
    """What the outputs are, by number.

    `classes` are in order (binary: the negative, the positive one), empty for a regression. `predicted` is
    the output that holds the class or the quantity, -1 without one; `scores` those that hold a score of the
    positive class (binary) or a probability for each class. `cut`: a score above it means the positive class.
    """

    kind: Kind
    classes: tuple[Value, ...] = ()
    predicted: int = -1
    scores: tuple[int, ...] = ()
    cut: float = 0.5

    def index(self, value: Value | None) -> float:
        """The number of a class, or the quantity; NaN for what is neither."""
        if self.kind == "regression":
            return value if isinstance(value, float) else np.nan
        return float(self.classes.index(value)) if value in self.classes else np.nan

    def read(self, answer: Sequence[Value | None]) -> tuple[float, tuple[float, ...]] | None:
        """The prediction in one row's outputs: class number or quantity, and the scores. None without one."""
        scores = tuple(_number(answer[i]) for i in self.scores)
        if any(score != score for score in scores):
            return None
        if self.predicted >= 0:
            found = self.index(answer[self.predicted])
        else:
            found = float(scores[0] > self.cut) if len(scores) == 1 else float(np.argmax(scores))
        return None if found != found else (found, scores)


def roles(names: Sequence[str], answers: Answers, labels: Sequence[Value], said: Said) -> Roles | str:
    """What the outputs called `names` are, by rows of them and their labels; or why nobody can tell."""
    for name in filter(None, (said.predicted, said.score, said.value)):
        if name not in names:
            return f"there is no output {name!r}; there is {', '.join(names)}"
    columns = [[row[i] for row in answers] for i in range(len(names))]
    if said.value:
        return Roles("regression", predicted=names.index(said.value))
    classes = _classes(labels)
    if classes:
        found = _classification(names, columns, labels, classes, said)
        if found is not None:
            return found
    if any(isinstance(label, str) for label in labels) or said.predicted or said.score:
        return "no output speaks of the classes " + ", ".join(map(shown, classes[:8]))
    return _regression(columns, labels)


def shared(known: Roles, outputs: Sequence[str], names: Sequence[str], said: Said) -> Roles | str:
    """What is known of `outputs`, said of the outputs called `names`; or why it can't be. A single output may
    have another name: there's no other that it could be."""
    if len(outputs) == len(names) == 1:
        outputs = names
    roles = {"class": known.predicted, "score": known.scores[0] if len(known.scores) == 1 else -1}
    if known.kind == "regression":
        roles = {"value": known.predicted}
    wanted = {"class": said.predicted, "score": said.score, "value": said.value}
    for what, name in wanted.items():
        if name and (roles.get(what, -1) < 0 or outputs[roles[what]] != name):
            return f"the setting says {what}={name}, and the baseline's labelled rows were read otherwise"
    if said.positive and known.classes and canonical(said.positive) != known.classes[-1]:
        return (
            f"the setting says positive={said.positive}, and the baseline's labelled rows were read otherwise"
        )
    needed = [outputs[i] for i in (known.predicted, *known.scores) if i >= 0]
    if missing := [name for name in needed if name not in names]:
        others = ", ".join(names)
        return f"the baseline's labelled rows have an output {missing[0]!r}; the model answers {others}"
    return msgspec.structs.replace(
        known,
        predicted=names.index(outputs[known.predicted]) if known.predicted >= 0 else -1,
        scores=tuple(names.index(outputs[i]) for i in known.scores),
    )


def _classes(labels: Sequence[Value]) -> tuple[Value, ...]:
    """The classes that these labels may be, in order; none if they can't be classes."""
    found = set(labels)
    if any(isinstance(value, float) and value != int(value) for value in found) or len(found) > CLASSES:
        return ()
    return _ordered(found)


def _ordered(found: set[Value]) -> tuple[Value, ...]:
    return tuple(sorted(found, key=lambda value: (isinstance(value, str), value)))


def _classification(
    names: Sequence[str],
    columns: list[list[Value | None]],
    labels: Sequence[Value],
    classes: tuple[Value, ...],
    said: Said,
) -> Roles | None:
    predicted = names.index(said.predicted) if said.predicted else _class_column(columns, labels, classes)
    if predicted >= 0:
        spoken = {value for value in columns[predicted] if value is not None}
        if len(spoken | set(classes)) <= CLASSES:
            classes = _ordered(spoken | set(classes))
    vector = () if said.score else _vector(names, columns, predicted)
    if vector:
        named = tuple(canonical(names[i]) for i in vector)
        if set(classes) <= set(named):
            classes = tuple(value for value in named if value is not None)
        elif len(vector) != len(classes):
            whole = tuple(float(i) for i in range(len(vector)))
            if not set(classes) <= set(whole):
                vector = ()
            else:
                classes = whole
    if len(classes) < 2:
        return None
    if len(classes) == 2:
        positive = canonical(said.positive) if said.positive else classes[1]
        if positive not in classes:
            return None
        order = (classes[1 - classes.index(positive)], positive)
        if vector:
            return Roles("binary", order, predicted, (vector[classes.index(positive)],))
        truth = np.array([float(label == positive) for label in labels])
        score = names.index(said.score) if said.score else _score_column(columns, predicted, truth)
        if score >= 0:
            values = _numbers(columns[score])
            inside = bool(((values >= 0) & (values <= 1)).all())
            return Roles("binary", order, predicted, (score,), 0.5 if inside else 0.0)
        return Roles("binary", order, predicted) if predicted >= 0 else None
    if predicted < 0 and not vector:
        return None
    return Roles("multiclass", classes, predicted, vector)


def _class_column(
    columns: list[list[Value | None]], labels: Sequence[Value], classes: tuple[Value, ...]
) -> int:
    """The output that names the class: its values are classes, perhaps of which no label speaks yet, and
    it agrees best with the labels."""
    best, found = -1.0, -1
    for i, values in enumerate(columns):
        agree = float(np.mean([a == b for a, b in zip(values, labels, strict=True)]))
        inside = np.mean([value in classes for value in values])
        whole = agree >= ALIKE / 2 and bool(_classes([value for value in values if value is not None]))
        if (inside >= ALIKE or whole) and agree > best:
            best, found = agree, i
    return found


def _vector(names: Sequence[str], columns: list[list[Value | None]], predicted: int) -> tuple[int, ...]:
    """Outputs that are probabilities and add up to 1: those of one array, or else all of them."""
    others = [i for i in range(len(names)) if i != predicted]
    arrays = [tuple(group) for _, group in groupby(others, key=lambda i: names[i].rpartition("[")[0])]
    for group in (*arrays, tuple(others)):
        if len(group) > 1:
            matrix = np.array([_numbers(columns[i]) for i in group])
            sums = matrix.sum(axis=0)
            if ((matrix >= -1e-6) & (matrix <= 1 + 1e-6)).all() and (abs(sums - 1.0) < 1e-2).all():
                return group
    return ()


def _score_column(columns: list[list[Value | None]], predicted: int, truth: Vector) -> int:
    """The number that rises most surely with the positive class."""
    best, found = 0.0, -1
    for i, values in enumerate(columns):
        numbers = _numbers(values)
        if i != predicted and np.isfinite(numbers).all() and len(np.unique(numbers)) > 2:
            together = abs(_correlation(numbers, truth)) + 1e-9
            if together > best:
                best, found = together, i
    return found


def _regression(columns: list[list[Value | None]], labels: Sequence[Value]) -> Roles | str:
    truth = np.array(labels, dtype=np.float64)
    able = [i for i, values in enumerate(columns) if np.isfinite(_numbers(values)).mean() >= ALIKE]
    if not able:
        return "no output is a number"
    best = max(able, key=lambda i: abs(_correlation(_numbers(columns[i]), truth)))
    return Roles("regression", predicted=best)


def _correlation(a: Vector, b: Vector) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 2 or a[known].std() == 0.0 or b[known].std() == 0.0:
        return 0.0
    return float(np.corrcoef(a[known], b[known])[0, 1])


def _numbers(values: Sequence[Value | None]) -> Vector:
    return np.array([_number(value) for value in values], dtype=np.float64)


def _number(value: Value | None) -> float:
    return value if isinstance(value, float) else float("nan")
