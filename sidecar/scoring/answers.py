"""What answers were like in the reference, and how odd a new one is: by itself, and to its question.

    by itself          distance to the 5th nearest answer of 500 (the compiled KNN detector)
    to its question    how far it is from the answers to the 10 questions nearest to its own, in units of
                       how far those are from one another

Both are brought to one scale and added, and the sum gets its conformal p-value from held-out pairs of
question and answer, as all scores here do. So an ordinary answer to a question that has always got another
one is odd, though neither question nor answer is. Made by `sidecar.baseline.answers`; the observer asks,
after the reply: nobody waits for it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sidecar.errors import BaselineError
from sidecar.exchange import Matrix
from sidecar.features import Schema
from sidecar.scoring import artifact
from sidecar.scoring.calibration import Conformal, Surprise
from sidecar.scoring.detector import Arrays, Detector, Floats, need
from sidecar.scoring.detectors import DETECTORS

NEIGHBOURS = 10
"""Reference questions whose answers a new answer is compared with."""

ROWS = 2_000
"""Reference questions kept at most: more would cost the observer more than 0.1 ms a row."""

TOGETHER = 256
"""Rows scored at once: each has a distance to every reference question and a copy of ten answers, and a
fit scores a hundred thousand."""

FAR = 10.0
"""Spreads beyond which a column of a question counts no more: one wild value mustn't choose neighbours."""

ALONE = "knn-500"
"""The detector that looks at an answer by itself."""

PREFIX = "answers/"


def encoded(matrix: Matrix, schema: Schema) -> Matrix:
    """Answers as points: numbers as they are, categories and booleans as one column for each of their values,
    and one for what is new. `matrix`: (rows, `schema.columns`)."""
    parts: list[Matrix] = []
    varying = [field for field in schema.fields if field.kind != "constant"]
    for place, field in enumerate(varying):
        column = matrix[:, place]
        if field.kind == "number":
            parts.append(column[:, None])
        else:
            values = np.arange(2 if field.kind == "boolean" else len(field.categories) + 1)
            parts.append((column[:, None] == values).astype(np.float64))
    parts.append(matrix[:, len(varying) :])
    return np.hstack(parts)


class Conditional:
    """How far an answer is from the answers to the nearest questions. Immutable."""

    def __init__(self, questions: Matrix, answers: Matrix, scale: Floats, floor: float) -> None:
        """`questions`: (rows, columns), in spreads from typical; `answers`: (rows, width), in `scale`."""
        self.questions = questions
        self.answers = answers
        self.scale = scale
        self.floor = floor
        """What is added to how far neighbours' answers are from one another: they may all be the same."""
        self._norms = (questions**2).sum(axis=1)

    def score_many(self, questions: Matrix, answers: Matrix) -> Floats:
        """`questions` in spreads, `answers` as `encoded`; (rows,)."""
        scores = np.empty(len(questions))
        for start in range(0, len(questions), TOGETHER):
            some = slice(start, start + TOGETHER)
            scores[some] = self._scores(questions[some], answers[some])
        return scores

    def _scores(self, questions: Matrix, answers: Matrix) -> Floats:
        distances = self._norms - 2.0 * questions @ self.questions.T  # the question's own norm ranks nothing
        nearest = np.argpartition(distances, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        theirs = self.answers[nearest]
        centre = theirs.mean(axis=1)
        apart = np.sqrt(((theirs - centre[:, None]) ** 2).sum(axis=2).mean(axis=1))
        score: Floats = np.sqrt(((answers / self.scale - centre) ** 2).sum(axis=1)) / (apart + self.floor)
        return score


class AnswerReference:
    """Scores answers against one reference. Immutable."""

    def __init__(
        self,
        schema: Schema,
        alone: Detector,
        conditional: Conditional,
        scale: tuple[Floats, Floats],
        held: Arrays,
    ) -> None:
        self.schema = schema
        """What answers must be laid out against."""
        self._alone = alone
        self._conditional = conditional
        self._typical, self._spread = scale
        self._surprises = (Surprise(held["standard"][:, 0]), Surprise(held["standard"][:, 1]))
        self._conformal = Conformal(held["calibration"])
        self.finest_p = self._conformal.finest

    def p_many(self, questions: Matrix, answers: Matrix) -> Floats:
        """p of each answer given clean traffic, (rows,). Both are detectors' matrices, finite."""
        raw = raw_scores(self._alone, self._conditional, self.near(questions), encoded(answers, self.schema))
        p = self._conformal.p_many(statistic(self._surprises, raw))
        return np.where(np.isfinite(raw).all(axis=1), p, np.nan)

    def near(self, questions: Matrix) -> Matrix:
        """Questions in spreads from what is typical."""
        return in_spreads(questions, self._typical, self._spread)


def in_spreads(questions: Matrix, typical: Floats, spread: Floats) -> Matrix:
    """Questions as places that can be compared: no column outweighs the others by its unit."""
    return np.clip((questions - typical) / spread, -FAR, FAR)


def raw_scores(alone: Detector, conditional: Conditional, questions: Matrix, answers: Matrix) -> Matrix:
    """Both scores of each answer, (rows, 2)."""
    return np.column_stack(
        (alone.score_many(answers / conditional.scale), conditional.score_many(questions, answers))
    )


def statistic(surprises: tuple[Surprise, Surprise], raw: Matrix) -> Floats:
    """Both scores as one, (rows,)."""
    return np.asarray(surprises[0].many(raw[:, 0]) + surprises[1].many(raw[:, 1]))


def from_arrays(schema: Schema, arrays: Arrays, typical: Floats, spread: Floats) -> AnswerReference:
    """The reference in a baseline's arrays. Raises ValueError when they cannot be its arrays."""
    own = {key.removeprefix(PREFIX): array for key, array in arrays.items() if key.startswith(PREFIX)}
    scale = need(own, "scale", np.float64, -1)
    questions = need(own, "questions", np.float64, -1, typical.size)
    answers = need(own, "answers", np.float64, len(questions), scale.size)
    if len(questions) < NEIGHBOURS:
        raise ValueError(f"{len(questions)} questions are too few")
    alone = {key.removeprefix("alone/"): array for key, array in own.items() if key.startswith("alone/")}
    held = {
        "standard": need(own, "standard", np.float64, -1, 2),
        "calibration": need(own, "calibration", np.float64, -1),
    }
    floor = float(need(own, "floor", np.float64, 1)[0])
    return AnswerReference(
        schema,
        DETECTORS[ALONE].from_arrays(alone, scale.size),
        Conditional(questions, answers, scale, floor),
        (typical, spread),
        held,
    )


def load(directory: Path) -> AnswerReference | None:
    """The reference of answers in a baseline; None when it was fitted without any. Raises BaselineError."""
    manifest, arrays = artifact.read(directory)
    if not manifest.answers:
        return None
    width = len(Schema(manifest.schema, manifest.readings).columns)
    try:
        typical, spread = (need(arrays, name, np.float64, width) for name in ("typical", "spread"))
        return from_arrays(Schema(manifest.answers), arrays, typical, spread)
    except ValueError as error:
        raise BaselineError(f"{directory / artifact.ARRAYS}: {error}") from error
