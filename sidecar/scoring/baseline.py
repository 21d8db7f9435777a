"""A baseline in use: the detectors fitted on one reference, their calibration, and what they say of a call.

Loaded whole and never changed, so the data plane swaps one for another by assigning a name. Everything here
is synchronous and does no input or output after `load`. Counterpart: `sidecar.baseline.fit`, which writes
the directory; `sidecar.proxy` asks for scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from sidecar.errors import BaselineError, reason
from sidecar.exchange import DetectorScore, Features, Matrix, Score, Verdict
from sidecar.features import Schema
from sidecar.scoring import artifact, explain
from sidecar.scoring.apart import Apart, Away, Connection
from sidecar.scoring.artifact import Fitted, Manifest
from sidecar.scoring.bins import ReferenceField
from sidecar.scoring.calibration import Conformal, Surprise, conformal_from
from sidecar.scoring.combination import COMBINATIONS, Combination, combined
from sidecar.scoring.detector import Additive, Arrays, Detector, Floats, Row, Scorer, need
from sidecar.scoring.detectors import DETECTORS
from sidecar.scoring.discovery import cutoff
from sidecar.scoring.prints import PREFIX, Printer
from sidecar.scoring.sample import Binned, binned_rows
from sidecar.scoring.tail_sum import TailSum

EXPLAIN_SECONDS = 0.02
"""For how long PyOD's worker is asked about reasons, for all calls of a batch: the next batch waits for
it."""


CLEAN = "clean/"
"""What the names of arrays begin with that tell what clean inputs are like apart from their score."""


class Judge(NamedTuple):
    """One detector with its calibration."""

    name: str
    detector: Scorer
    additive: Additive | None
    """The detector again, if it is an additive one."""
    conformal: Conformal
    surprise: Surprise


class Judged(NamedTuple):
    """What the detectors say of each row. `statistic` and `p` are NaN for rows that cannot be scored."""

    matrix: Matrix
    raw: Floats
    """Shape (rows, detectors)."""
    statistic: Floats
    """What the combined p-value ranks; shape (rows,)."""
    p: Floats


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
        binned: Binned,
        printer: Printer | None,
        worker: Connection,
        together: bool,
        clean: Arrays,
    ) -> None:
        self.directory = directory
        """Where it was read from."""
        self.digest = manifest.digest[:12]
        """Short name of exactly this baseline: two with the same digest give the same scores."""
        self.schema = Schema(manifest.schema, manifest.readings)
        """What features must be laid out against."""
        self.detectors: tuple[str, ...] = tuple(judge.name for judge in judges)
        self.wanted = ",".join(entry.wanted or entry.name for entry in manifest.detectors)
        """The same as they were asked for, with their parameters: `sidecar.wanted`."""
        self.calibration_rows = conformal.held_out.size
        """Held-out rows behind each p-value."""
        self.finest_p = conformal.finest
        """The smallest p-value it can give, 1 / (calibration_rows + 1). No row is ever an outlier at
        a threshold below."""
        self.reference: tuple[ReferenceField, ...] = manifest.reference
        """What each field was like, in bins that windows are counted in."""
        self.binned = binned
        """Rows of the reference by their bins, (rows, fields); none in a baseline of an earlier sidecar."""
        self.printer = printer
        """Takes fingerprints of rows; None in a baseline of few rows, or of an earlier sidecar."""
        self.created = manifest.created
        """When it was fitted: RFC 3339, UTC."""
        self.pixels = manifest.pixels
        """How its fields form a picture; empty when they don't."""
        self.clean = clean
        """What clean inputs are like apart from their score: `sidecar.defence.guard` reads it."""
        self.apart = tuple(judge.name for judge in judges if isinstance(judge.detector, Apart))
        """The detectors that PyOD's worker scores. With any, scoring waits for another process, so it must
        not be done on an event loop."""
        self.few = 0 if self.apart else 16 if all(judge.additive for judge in judges) else 3
        """Up to so many calls are scored faster one by one than together. 0: scoring waits for PyOD's worker,
        so it is not for an event loop."""
        plan, width = self.schema.plan, len(self.schema.fields)
        self.plain = width if self.few and plan.numeric and plan.whole else 0
        """How many numbers a row is, when it is nothing but numbers and needs no laying out; else 0."""
        only = judges[0].detector if len(judges) == 1 else None
        self._sum = only.native.score if isinstance(only, TailSum) and only.native is not None else None
        self._judges = judges
        self._combine = combine
        self._conformal = conformal
        self._fields = fields
        self._columns = len(self.schema.columns)
        self._worker = worker
        self._together = together

    def warm(self) -> None:
        """Wait until PyOD's worker is ready to score its detectors, if there are any. Raises BaselineError
        when it cannot be."""
        self._worker.warm(self.apart, self._columns)

    def close(self) -> None:
        """Hang up on the worker."""
        self._worker.close()

    def score(self, features: Features, threshold: float) -> Score:
        """What the detectors say of one call. A row is an outlier when its p is at most `threshold`.

        `features` must be laid out against `schema`; raises ValueError when they have other columns.
        Verdict `unscored` when there is no row that can be scored, with the first such row's reason.
        """
        matrix = features.matrix
        if self.few and features.sound and matrix.shape == (1, self._columns):
            return self._score_one(matrix[0], threshold)
        return self.score_many((features,), threshold)[0]

    def score_block(self, block: bytes, threshold: float) -> Score:
        """`score` of one row of `plain` finite numbers, given as a block of float64."""
        raw = math.nan if self._sum is None else self._sum(block)
        if not math.isnan(raw):
            p = self._conformal.p(raw)
            if p > threshold:
                return Score("normal", p, (p,), (), (DetectorScore(self.detectors[0], raw, p),))
        return self._score_one(np.frombuffer(block), threshold)  # with reasons, or by more detectors

    def score_many(self, batch: Sequence[Features], threshold: float) -> list[Score]:
        """`score` for each of several calls, all rows scored as one matrix."""
        if not batch:
            return []
        matrix = np.concatenate([features.matrix for features in batch])
        if matrix.shape[1] != self._columns:
            raise ValueError(f"features have {matrix.shape[1]} columns, the baseline has {self._columns}")
        unscorable = _unscorable(batch, matrix)
        try:
            found = self._judge(matrix, unscorable)
        except Away as away:
            return [_unscored(len(features.matrix), away.reason) for features in batch]
        ends = list(accumulate(len(features.matrix) for features in batch))
        until = perf_counter() + EXPLAIN_SECONDS
        return [
            self._summed_up(found, start, end, unscorable, threshold, until)
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    def score_by(self, features: Features, thresholds: Mapping[str, float]) -> Score:
        """`score` by some of the detectors, each with a threshold of its own: a row is an outlier when one of
        them finds it at most so odd. The p-value of a row is the least of theirs times their number
        (Bonferroni), valid however they depend on each other. Verdict `unscored` when one is not there."""
        rows = len(features.matrix)
        judges = [judge for judge in self._judges if judge.name in thresholds]
        if missing := thresholds.keys() - {judge.name for judge in judges}:
            return _unscored(rows, reason("no-detector", min(missing)))
        unscorable = _unscorable((features,), features.matrix)
        try:
            matrix, raw = self._raw(judges, features.matrix, unscorable)
        except Away as away:
            return _unscored(rows, away.reason)
        if len(unscorable) == rows:
            return _unscored(rows, unscorable.get(0, "no-rows"))
        each = np.column_stack([judge.conformal.p_many(raw[:, j]) for j, judge in enumerate(judges)])
        p = np.minimum(1.0, each.min(axis=1) * len(judges))
        odd = np.any(each <= np.array([thresholds[judge.name] for judge in judges]), axis=1)
        skipped = list(unscorable)
        p[skipped], odd[skipped] = math.nan, False
        worst, flagged = int(np.nanargmin(p)), tuple(np.flatnonzero(odd).tolist())
        until = perf_counter() + EXPLAIN_SECONDS
        opinions = self._opinions(judges, raw[worst].tolist(), matrix[worst], flagged, until)
        verdict: Verdict = "outlier" if flagged else "normal"
        return Score(verdict, float(p[worst]), tuple(p.tolist()), flagged, opinions)

    # -- one row: the same with plain floats, in half the time ---------------------------------------

    def _score_one(self, row: Row, threshold: float) -> Score:
        raw = [judge.detector.score(row) for judge in self._judges]
        statistic = self._statistic_of_one(raw)
        if math.isnan(statistic):
            return _unscored(1, _not_a_score(self._judges, raw))
        p = self._conformal.p(statistic)
        flagged = (0,) if p <= threshold else ()
        return Score(
            "outlier" if flagged else "normal",
            p,
            (p,),
            flagged,
            self._opinions(self._judges, raw, row, flagged),
        )

    def _statistic_of_one(self, raw: list[float]) -> float:
        if len(raw) == 1:
            return raw[0]
        surprises = [judge.surprise.one(score) for judge, score in zip(self._judges, raw, strict=True)]
        return float(self._combine(np.array((surprises,)))[0])

    # -- many rows -------------------------------------------------------------------------------------

    def _judge(self, matrix: Matrix, unscorable: dict[int, str]) -> Judged:
        """Judge every row. Adds to `unscorable` the rows for which a detector has no number."""
        matrix, raw = self._raw(self._judges, matrix, unscorable)
        statistic = combined([judge.surprise for judge in self._judges], self._combine, raw)
        p = self._conformal.p_many(statistic)
        skipped = list(unscorable)
        statistic[skipped] = p[skipped] = math.nan
        return Judged(matrix, raw, statistic, p)

    def _raw(
        self, judges: Sequence[Judge], matrix: Matrix, unscorable: dict[int, str]
    ) -> tuple[Matrix, Floats]:
        """The rows as they were scored, and each detector's raw score of each."""
        skipped = list(unscorable)
        if skipped:
            matrix = matrix.copy()
            matrix[skipped] = self._fields.typical  # something to compute with; what comes out is dropped
        raw = np.column_stack([judge.detector.score_many(matrix) for judge in judges])
        for row in np.flatnonzero(np.isnan(raw).any(axis=1)).tolist():
            unscorable[row] = _not_a_score(judges, raw[row].tolist())
            raw[row] = 0.0
        return matrix, raw

    def _summed_up(
        self,
        found: Judged,
        start: int,
        end: int,
        unscorable: dict[int, str],
        threshold: float,
        until: float,
    ) -> Score:
        """The score of the call whose rows are `start` to `end`."""
        reasons = [unscorable[row] for row in range(start, end) if row in unscorable] if unscorable else []
        if len(reasons) == end - start:
            return _unscored(end - start, reasons[0] if reasons else "no-rows")
        p = found.p[start:end].tolist()
        highest = cutoff(p, threshold) if self._together and len(p) > 1 else threshold
        flagged = tuple(row for row, p_of_row in enumerate(p) if p_of_row <= highest)
        worst = start + (int(np.nanargmax(found.statistic[start:end])) if len(p) > 1 else 0)
        opinions = self._opinions(
            self._judges, found.raw[worst].tolist(), found.matrix[worst], flagged, until
        )
        return Score("outlier" if flagged else "normal", p[worst - start], tuple(p), flagged, opinions)

    # -- both ------------------------------------------------------------------------------------------

    def _opinions(
        self,
        judges: Sequence[Judge],
        raw: list[float],
        row: Row,
        flagged: tuple[int, ...],
        until: float = math.inf,
    ) -> tuple[DetectorScore, ...]:
        """What each detector thinks of the worst row. Why it does, only a flagged row is worth asking: the
        answer takes longer than the score. Nothing is asked of the worker after `until`."""
        return tuple(
            [
                DetectorScore(
                    judge.name,
                    score,
                    judge.conformal.p(score),
                    self._top(judge, row, until) if flagged else (),
                )
                for judge, score in zip(judges, raw, strict=True)
            ]
        )

    def _top(self, judge: Judge, row: Row, until: float) -> tuple[str, ...]:
        """The fields behind one detector's score of a row: exact where the score is a sum over fields."""
        if judge.additive:
            return self._fields.top(judge.additive.contributions(row))
        if isinstance(judge.detector, Apart):
            return self._top_apart(judge.detector, row) if perf_counter() < until else ()
        return self._fields.top(explain.leave_one_out(judge.detector, row, self._fields))

    def _top_apart(self, detector: Apart, row: Row) -> tuple[str, ...]:
        try:
            return self._fields.top(explain.leave_one_out(detector, row, self._fields, perf_counter))
        except Away:
            return ()


def _not_a_score(judges: Sequence[Judge], raw: Sequence[float]) -> str:
    names = (judge.name for judge, score in zip(judges, raw, strict=True) if math.isnan(score))
    return f"not-a-score:{next(names)}"


def load(directory: Path, worker: Path | None = None, *, together: bool = False) -> Baseline:
    """The baseline in `directory`. Raises BaselineError naming the file and the reason.

    `worker`: the socket of PyOD's worker, for detectors that have no compiled form. `together`: rows of one
    call are flagged by the rule of `sidecar.scoring.discovery`."""
    manifest, arrays = artifact.read(directory)
    try:
        connection = Connection(worker, str(directory), manifest.digest[:12])
        return assemble(str(directory), manifest, arrays, connection, together=together)
    except ValueError as error:
        raise BaselineError(f"{directory / artifact.ARRAYS}: {error}") from error


def assemble(
    directory: str, manifest: Manifest, arrays: Arrays, worker: Connection, *, together: bool = False
) -> Baseline:
    """A baseline from what is stored of it. Raises BaselineError or ValueError when parts don't fit."""
    file = Path(directory) / artifact.MANIFEST
    schema = Schema(manifest.schema, manifest.readings)
    if tuple(field.name for field in manifest.reference) != schema.names:
        raise BaselineError(f"{file}: the reference describes other fields than the schema")
    if manifest.combination not in COMBINATIONS:
        raise BaselineError(f"{file}: combination {manifest.combination!r} is not known to this sidecar")
    if not manifest.detectors:
        raise BaselineError(f"{file}: no detectors")
    judges = tuple(_judge(file, one, arrays, len(schema.columns), worker) for one in manifest.detectors)
    conformal = judges[0].conformal
    if len(judges) > 1:
        conformal = conformal_from(arrays, "calibration/combined", "calibration/weights")
    width = len(schema.columns)
    fields = explain.Fields(
        schema, need(arrays, "typical", np.float64, width), need(arrays, "spread", np.float64, width)
    )
    binned = binned_rows(arrays, manifest.reference)
    printer = Printer(schema, arrays) if PREFIX + "salt" in arrays else None
    combine = COMBINATIONS[manifest.combination]
    clean = {key: array for key, array in arrays.items() if key.startswith(CLEAN)}
    return Baseline(
        directory, manifest, judges, combine, conformal, fields, binned, printer, worker, together, clean
    )


def _judge(file: Path, fitted: Fitted, arrays: Arrays, columns: int, worker: Connection) -> Judge:
    name = fitted.name
    own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
    try:
        detector = Apart(name, worker) if fitted.apart else _compiled(file, fitted, own, columns)
        return Judge(
            name,
            detector,
            detector if isinstance(detector, Additive) else None,
            conformal_from(own, "calibration", "calibration-weights"),
            Surprise(need(own, "standard", np.float64, -1)),
        )
    except ValueError as error:
        raise ValueError(f"detector {name}: {error}") from error


def _compiled(file: Path, fitted: Fitted, own: Arrays, columns: int) -> Detector:
    if fitted.detector not in DETECTORS:
        known = ", ".join(DETECTORS)
        raise BaselineError(
            f"{file}: detector {fitted.detector!r} is not known to this sidecar, which has {known}"
        )
    return DETECTORS[fitted.detector].from_arrays(own, columns)


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
