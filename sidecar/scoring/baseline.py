"""A baseline in use: the detectors fitted on one reference, their calibration, and what they say of a call.

Loaded whole and never changed, so the data plane swaps one for another by assigning a name. Everything here
is synchronous and does no input or output after `load`. Counterpart: `sidecar.baseline.fit`, which writes
the directory; `sidecar.proxy` asks for scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sidecar.errors import BaselineError
from sidecar.exchange import DetectorScore, Features, Matrix, Score
from sidecar.features import Schema
from sidecar.scoring import artifact, explain
from sidecar.scoring.artifact import Manifest
from sidecar.scoring.bins import ReferenceField
from sidecar.scoring.calibration import Conformal, Surprise
from sidecar.scoring.combination import COMBINATIONS, Combination
from sidecar.scoring.detector import Arrays, Detector, Row, need
from sidecar.scoring.detectors import DETECTORS

Floats: TypeAlias = NDArray[np.float64]


class Judge(NamedTuple):
    """One detector with its calibration."""

    name: str
    detector: Detector
    conformal: Conformal
    surprise: Surprise


class Baseline:
    """Scores features against one reference. Immutable; make it with `load` or `assemble`."""

    def __init__(
        self,
        directory: str,
        manifest: Manifest,
        judges: tuple[Judge, ...],
        combine: Combination,
        conformal: Conformal,
        fields: explain.Fields,
    ) -> None:
        self.directory = directory
        """Where it was read from."""
        self.digest = manifest.digest[:12]
        """Short name of exactly this baseline: two with the same digest give the same scores."""
        self.schema = Schema(manifest.schema)
        """What features must be laid out against."""
        self.detectors: tuple[str, ...] = tuple(judge.name for judge in judges)
        self.calibration_rows = conformal.held_out.size
        """Held-out rows behind each p-value."""
        self.finest_p = conformal.finest
        """The smallest p-value it can give, 1 / (calibration_rows + 1). No row is ever an outlier at
        a threshold below."""
        self.reference: tuple[ReferenceField, ...] = manifest.reference
        """What each field was like, in bins that windows are counted in."""
        self.created = manifest.created
        """When it was fitted: RFC 3339, UTC."""
        self._judges = judges
        self._combine = combine
        self._conformal = conformal
        self._fields = fields
        self._columns = len(self.schema.columns)

    def score(self, features: Features, threshold: float) -> Score:
        """What the detectors say of one call. A row is an outlier when its p is at most `threshold`.

        `features` must be laid out against `schema`; raises ValueError when they have other columns.
        Verdict `unscored` when there is no row that can be scored, with the first such row's reason.
        """
        matrix = features.matrix
        if matrix.shape == (1, self._columns) and not features.unscorable and np.isfinite(matrix).all():
            return self._score_one(matrix[0], threshold)
        return self.score_many((features,), threshold)[0]

    def score_many(self, batch: Sequence[Features], threshold: float) -> list[Score]:
        """`score` for each of several calls, all rows scored as one matrix."""
        if not batch:
            return []
        matrix = (
            batch[0].matrix if len(batch) == 1 else np.concatenate([features.matrix for features in batch])
        )
        if matrix.shape[1] != self._columns:
            raise ValueError(f"features have {matrix.shape[1]} columns, the baseline has {self._columns}")
        unscorable = _unscorable(batch, matrix)
        raw, statistic = self._evaluate(matrix, unscorable)
        p = self._conformal.p_many(statistic)
        detector_p = np.column_stack(
            [judge.conformal.p_many(raw[:, j]) for j, judge in enumerate(self._judges)]
        )
        if len(matrix) == len(batch) and not unscorable:
            rows = zip(p.tolist(), raw.tolist(), detector_p.tolist(), matrix, strict=True)
            return [self._score_row(*row, threshold) for row in rows]
        scores = []
        start = 0
        for features in batch:
            rows_of = slice(start, start + len(features.matrix))
            reasons = {
                row - start: reason
                for row, reason in unscorable.items()
                if rows_of.start <= row < rows_of.stop
            }
            scores.append(
                self._score_rows(
                    features.matrix,
                    raw[rows_of],
                    statistic[rows_of],
                    p[rows_of],
                    detector_p[rows_of],
                    reasons,
                    threshold,
                )
            )
            start = rows_of.stop
        return scores

    # -- one row: the same with plain floats, in a third of the time ------------------------------------

    def _score_one(self, row: Row, threshold: float) -> Score:
        raw = [judge.detector.score(row) for judge in self._judges]
        if len(raw) == 1:
            statistic = raw[0]
        else:
            surprises = [judge.surprise.one(score) for judge, score in zip(self._judges, raw, strict=True)]
            statistic = float(self._combine(np.array((surprises,)))[0])
        if statistic != statistic:
            return _unscored(1, self._not_a_score(raw))
        detector_p = [judge.conformal.p(score) for judge, score in zip(self._judges, raw, strict=True)]
        return self._score_row(self._conformal.p(statistic), raw, detector_p, row, threshold)

    def _score_row(
        self, p: float, raw: list[float], detector_p: list[float], row: Row, threshold: float
    ) -> Score:
        """The score of a call of one row."""
        flagged = p <= threshold
        return Score(
            "outlier" if flagged else "normal",
            p,
            (p,),
            (0,) if flagged else (),
            self._opinions(raw, detector_p, row, explained=flagged),
        )

    def _opinions(
        self, raw: list[float], detector_p: list[float], row: Row, *, explained: bool
    ) -> tuple[DetectorScore, ...]:
        """What each detector thinks of the worst row; why it does, only of a flagged one: that takes longer
        than the score, and a normal row raises no question."""
        return tuple(
            [
                DetectorScore(judge.name, score, own_p, self._why(judge, row) if explained else ())
                for judge, score, own_p in zip(self._judges, raw, detector_p, strict=True)
            ]
        )

    def _why(self, judge: Judge, row: Row) -> tuple[str, ...]:
        detector = judge.detector
        if detector.additive:
            return explain.top(self._fields, detector.contributions(row))
        return explain.top(self._fields, explain.leave_one_out(detector, row, self._fields))

    def _not_a_score(self, raw: Sequence[float]) -> str:
        names = (judge.name for judge, score in zip(self._judges, raw, strict=True) if math.isnan(score))
        return f"not-a-score:{next(names)}"

    # -- many rows -------------------------------------------------------------------------------------

    def _evaluate(self, matrix: Matrix, unscorable: dict[int, str]) -> tuple[Floats, Floats]:
        """Raw scores, (rows, detectors), and the combined statistic, (rows,); NaN where a row has none.

        Adds to `unscorable` the rows for which a detector has no number."""
        raw = np.full((len(matrix), len(self._judges)), np.nan)
        statistic = np.full(len(matrix), np.nan)
        rows = np.setdiff1d(np.arange(len(matrix)), list(unscorable))
        if not rows.size:
            return raw, statistic
        chosen = matrix if rows.size == len(matrix) else matrix[rows]
        raw[rows] = np.column_stack([judge.detector.score_many(chosen) for judge in self._judges])
        failed = np.isnan(raw[rows]).any(axis=1)
        for row in rows[failed].tolist():
            unscorable[row] = self._not_a_score(raw[row].tolist())
        rows = rows[~failed]
        statistic[rows] = combined([judge.surprise for judge in self._judges], self._combine, raw[rows])
        return raw, statistic

    def _score_rows(
        self,
        matrix: Matrix,
        raw: Floats,
        statistic: Floats,
        p: Floats,
        detector_p: Floats,
        unscorable: dict[int, str],
        threshold: float,
    ) -> Score:
        """The score of a call of any number of rows, some of which may be unscorable."""
        if len(unscorable) == len(matrix):
            return _unscored(len(matrix), unscorable[min(unscorable)] if unscorable else "no-rows")
        p = np.where(np.isnan(statistic), np.nan, p)
        worst = int(np.nanargmax(statistic))
        flagged = tuple(np.flatnonzero(p <= threshold).tolist())
        return Score(
            "outlier" if flagged else "normal",
            float(p[worst]),
            tuple(p.tolist()),
            flagged,
            self._opinions(
                raw[worst].tolist(), detector_p[worst].tolist(), matrix[worst], explained=bool(flagged)
            ),
        )


def combined(surprises: Sequence[Surprise], combine: Combination, raw: Floats) -> Floats:
    """Raw scores, (rows, detectors) -> the statistic, (rows,); of a single detector simply its score."""
    if len(surprises) == 1:
        return raw[:, 0]
    return combine(np.column_stack([surprise.many(raw[:, j]) for j, surprise in enumerate(surprises)]))


def load(directory: Path) -> Baseline:
    """The baseline in `directory`. Raises BaselineError naming the file and the reason."""
    manifest, arrays = artifact.read(directory)
    try:
        return assemble(str(directory), manifest, arrays)
    except ValueError as error:
        raise BaselineError(f"{directory / artifact.ARRAYS}: {error}") from error


def assemble(directory: str, manifest: Manifest, arrays: Arrays) -> Baseline:
    """A baseline from what is stored of it. Raises BaselineError or ValueError when parts don't fit."""
    file = Path(directory) / artifact.MANIFEST
    schema = Schema(manifest.schema)
    if tuple(field.name for field in manifest.reference) != schema.names:
        raise BaselineError(f"{file}: the reference describes other fields than the schema")
    if manifest.combination not in COMBINATIONS:
        raise BaselineError(f"{file}: combination {manifest.combination!r} is not known to this sidecar")
    if not manifest.detectors:
        raise BaselineError(f"{file}: no detectors")
    judges = tuple(_judge(file, fitted.name, arrays, len(schema.columns)) for fitted in manifest.detectors)
    conformal = judges[0].conformal
    if len(judges) > 1:
        conformal = Conformal(need(arrays, "calibration/combined", np.float64, -1))
    width = len(schema.columns)
    fields = explain.Fields(
        schema.names,
        explain.owners(schema),
        need(arrays, "typical", np.float64, width),
        need(arrays, "spread", np.float64, width),
    )
    return Baseline(directory, manifest, judges, COMBINATIONS[manifest.combination], conformal, fields)


def _judge(file: Path, name: str, arrays: Arrays, columns: int) -> Judge:
    if name not in DETECTORS:
        known = ", ".join(DETECTORS)
        raise BaselineError(f"{file}: detector {name!r} is not known to this sidecar, which has {known}")
    own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
    try:
        return Judge(
            name,
            DETECTORS[name].from_arrays(own, columns),
            Conformal(need(own, "calibration", np.float64, -1)),
            Surprise(need(own, "standard", np.float64, -1)),
        )
    except ValueError as error:
        raise ValueError(f"detector {name}: {error}") from error


def _unscorable(batch: Sequence[Features], matrix: Matrix) -> dict[int, str]:
    """The rows of the joined `matrix` that must not be scored, with the reason."""
    unscorable: dict[int, str] = {}
    start = 0
    for features in batch:
        unscorable.update({start + row: reason for row, reason in features.unscorable.items()})
        start += len(features.matrix)
    if not np.isfinite(matrix).all():
        # Whoever laid it out should have said so. No detector may turn NaN into a number.
        for row in np.flatnonzero(~np.isfinite(matrix).all(axis=1)).tolist():
            unscorable.setdefault(row, "not-finite")
    return unscorable


def _unscored(rows: int, reason: str) -> Score:
    return Score(verdict="unscored", p=math.nan, row_p=(math.nan,) * rows, reason=reason)
