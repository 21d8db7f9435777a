"""How odd each answer is to its question, where the baseline was fitted with answers.

After the reply, so nobody waits, and only for answers that are read at all: `sidecar.observer.answers`
rations them. Counterpart: `sidecar.scoring.answers`, which has the score.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sidecar.errors import BaselineError, Undecodable
from sidecar.exchange import Features, Matrix, Payload, Record, Tensor
from sidecar.features import Schema, lay_out
from sidecar.features.laying import again
from sidecar.observer.outputs import Columns
from sidecar.scoring import answers
from sidecar.scoring.answers import AnswerReference

log = logging.getLogger(__name__)

KEPT = 4_096
"""Calls whose p is kept for who asks for them."""

ROWS = 64
"""Rows of an answer that are looked at; a batch has as many as it likes."""


class Oddness:
    """p of the oddest row of each answer."""

    def __init__(self) -> None:
        self.threshold = 0.01
        """p at or under which an answer counts as odd."""
        self.scored = 0
        """Answers that got a p."""
        self.odd = 0
        """Of these, those with p at or under the threshold."""
        self.unlike = 0
        """Answers that could not be laid out as those of the reference were."""
        self.reference: AnswerReference | None = None
        self.read: dict[tuple[str, int], Matrix] = {}
        """Answers since somebody took them away, (rows, fields of the reference), by call."""
        self._schema = Schema(())
        self._digest = ""
        self._kept: OrderedDict[tuple[str, int], float] = OrderedDict()

    def adopt(self, directory: str, schema: Schema, digest: str, threshold: float = 0.01) -> None:
        """Score against the answers of this baseline from now on; not at all where it has none."""
        self.threshold = threshold
        self._schema, self._digest, self.reference = schema, digest, None
        self.read = {}
        try:
            self.reference = answers.load(Path(directory))
        except BaselineError as error:
            log.error("answers are not scored: %s", error)

    def p(self, record: Record) -> float:
        """p of the oddest row of the call's answer given clean traffic; NaN where it was not scored."""
        return self._kept.get((record.id, record.started_ns), math.nan)

    def update(self, answered: Sequence[tuple[Record, Columns]]) -> None:
        """Score the answers of calls that were laid out against the baseline in use."""
        if self.reference is None:
            return
        ready = []
        for record, columns in answered:
            if record.baseline == self._digest and record.features:
                found = self._pair(record, columns)
                self.unlike += found is None
                if found is not None:
                    ready.append((record, *found))
                    self.read[record.id, record.started_ns] = found[1].values
        if ready:
            self._score(ready)

    def taken(self) -> dict[tuple[str, int], Matrix]:
        """The answers read since the last time, by call."""
        read, self.read = self.read, {}
        return read

    def _pair(self, record: Record, columns: Columns) -> tuple[Features, Features] | None:
        """Questions and answers of a call, of equal rows; None when these are unlike the reference's."""
        assert self.reference is not None
        width = len(self._schema.fields)
        values = np.frombuffer(record.features, "<f8").reshape(-1, width)[:ROWS]
        tensors = tuple(Tensor(name, column[:ROWS]) for name, column in columns.items())
        try:
            answer = lay_out(Payload("answer", tensors), self.reference.schema)
        except Undecodable:
            return None
        question = again(values, self._schema)
        return (question, answer) if len(question.matrix) == len(answer.matrix) else None

    def _score(self, ready: list[tuple[Record, Features, Features]]) -> None:
        assert self.reference is not None
        questions = np.concatenate([question.matrix for _, question, _ in ready])
        p = self.reference.p_many(questions, np.concatenate([answer.matrix for _, _, answer in ready]))
        start = 0
        for record, question, answer in ready:
            rows = len(question.matrix)
            of_call = p[start : start + rows].copy()
            start += rows
            of_call[list(question.unscorable) + list(answer.unscorable)] = np.nan
            if not np.isnan(of_call).all():
                self._keep(record, float(np.nanmin(of_call)))

    def _keep(self, record: Record, p: float) -> None:
        self.scored += 1
        self.odd += p <= self.threshold
        self._kept[(record.id, record.started_ns)] = p
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
