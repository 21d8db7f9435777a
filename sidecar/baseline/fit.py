"""The story of a fit: from a file of training rows to a baseline that scores live calls.

Every step is a function of what came before and the seed, so the same file and seed give the same scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

import sidecar
from sidecar.baseline import (
    answers,
    fitting,
    inherited,
    labelled,
    learning_apart,
    letters,
    noise,
    printing,
    reference,
    shifts,
    tables,
    weights,
)
from sidecar.baseline.calibrating import COMBINATION, calibrated
from sidecar.baseline.fitted import fitted, stored_rows
from sidecar.baseline.schema import infer
from sidecar.baseline.split import Parts, fewer, split
from sidecar.defence.pixels import Layout
from sidecar.defence.pixels import layout as read_layout
from sidecar.errors import DataError, UsageError
from sidecar.exchange import Features, Matrix
from sidecar.features import Field, Schema
from sidecar.labels.said import said
from sidecar.scoring import artifact, sample
from sidecar.scoring.baseline import Baseline, load
from sidecar.scoring.detector import Arrays, Floats
from sidecar.wanted import Wanted, read

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done and the share of all work that is behind it, 0 to 1."""


class Summary(msgspec.Struct, frozen=True):
    """What came of a fit. `notes` is what the person who fits should know."""

    baseline: Baseline
    manifest: artifact.Manifest
    notes: tuple[str, ...]
    held_out: float
    """Rows behind p-values; weighted ones count like so many of equal weight."""


def fit(
    data: Path,
    out: Path,
    detectors: Sequence[str],
    *,
    seed: int = 0,
    ignore: Sequence[str] = (),
    outputs: Sequence[str] = (),
    label: str = "",
    prediction: str = "",
    weights_column: str = "",
    towards: Path | None = None,
    pixels: str = "",
    ask: shifts.Model | None = None,
    like: Path | None = None,
    replace: bool = False,
    progress: Progress = lambda doing, share: None,
) -> Summary:
    """Fit `detectors` on the rows of `data` and save the baseline as directory `out`.

    Each of `detectors` is a text as `sidecar.wanted` reads it. `ignore` names columns that the model doesn't
    get, such as an id; `outputs` those that hold what it answered, `x*` all that begin with x. `label` names
    the column that holds what turned out to be true, and `prediction` says which output is the prediction, as
    `sidecar.labels.said` reads it. `weights_column` and `towards` say how much calibration rows count, as
    `sidecar.baseline.weights` tells. `pixels` says that the columns are pictures, as `sidecar.defence.pixels`
    reads it; `ask` is their model. `like`: a baseline whose fields the columns are, as
    `sidecar.baseline.inherited` tells; what is known of clean pictures is taken from there.
    Raises UsageError for unknown detectors and pixels, and for a label without outputs; DataError for data
    that cannot be used; BaselineError when `out` is taken, cannot be written, or a compiled detector is not
    PyOD's.
    """
    wanted = _wanted(detectors)
    layout = _layout(pixels)
    meant = said(prediction)
    if label and not outputs:
        raise UsageError("--label needs --outputs: what the model answered is compared with what was true")
    artifact.check_place(out, replace=replace)
    progress(f"reading {data.name}", 0.0)
    table, truth = _without(tables.read(data), ignore), None
    if label:
        table, truth = labelled.taken(table, label)
    table, answered = answers.taken(table, outputs)
    known = None
    if weights_column:
        table, known = weights.taken(table, weights_column)
    old = inherited.inherit(like, table) if like is not None else None
    schema, notes = (old.flat, old.notes) if old is not None else infer(table)
    features = learning_apart.laid_out(table, schema)
    rows, left_out = _usable(features)
    parts = split(rows, len(schema.columns), seed)
    schema, features = learning_apart.lay_out(table, schema, features, parts.fit)
    if layout is not None:
        noise.check(layout, schema, table.file)
    train = features.matrix[parts.fit]
    described = reference.describe(features.values, schema)

    fits = []
    held_out = features.matrix[parts.calibration]
    for i, one in enumerate(wanted):
        progress(f"fitting {one.text}", (1 + i) / (2 + len(wanted)))
        fits.append(fitted(one, train, held_out, seed))

    progress("calibrating", (1 + len(wanted)) / (2 + len(wanted)))
    typical = _typical(train)
    if any(fit.entry.apart for fit in fits):
        parts = fewer(parts, alone=any(fit.entry.alone for fit in fits))
    counts, told = _weights(known, _recent(towards, table, schema), features.matrix, parts)
    notes = (*notes, *told)
    arrays = {
        **calibrated(fits, features.matrix, parts, counts),
        **stored_rows(fits, train, held_out),
        **typical,
        **sample.arrays(train),
        **sample.binned(features.values, described, seed),
        **(printing.fit(table, schema, features, parts, seed) if old is None or old.printed else {}),
        **letters.fit(table, schema, features, parts),
        **(old.arrays if old is not None else {}),
    }
    if layout is not None:
        done = (1 + len(wanted)) / (2 + len(wanted))
        arrays |= _of_pictures(
            layout,
            ask,
            features.values,
            parts,
            counts,
            lambda share: progress("asking the model", done + share * (1.0 - done)),
        )
    answer_fields: tuple[Field, ...] = ()
    if answered is not None:
        answer_fields, own, said_of_them = _of_answers(answered, features.matrix, parts, typical, seed)
        arrays, notes = {**arrays, **own}, (*notes, *said_of_them)
    validated = None
    if answered is not None and truth is not None:
        validated, own = labelled.fit(answered, truth, features.values, described, meant, seed)
        arrays |= own
    manifest = artifact.Manifest(
        format=artifact.FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sidecar=sidecar.__version__,
        pyod=_version("pyod"),
        source=data.name,
        schema=schema.fields,
        detectors=tuple(fit.entry for fit in fits),
        combination=COMBINATION,
        split=artifact.Split(
            seed, table.rows, left_out, parts.fit.size, parts.standard.size, parts.calibration.size
        ),
        reference=described,
        readings=old.readings if old is not None else schema.readings,
        answers=answer_fields,
        pixels=str(layout) if layout is not None else old.pixels if old is not None else "",
        validation=validated,
    )
    manifest = artifact.write(out, manifest, arrays, replace=replace)
    progress("done", 1.0)
    behind = float(parts.calibration.size) if counts is None else weights.effective(counts)
    return Summary(load(out), manifest, (*notes, *_left_out(features, left_out)), behind)


# -- rows --------------------------------------------------------------------------------------------


def _without(table: tables.Table, ignore: Sequence[str]) -> tables.Table:
    for name in ignore:
        if name not in table.columns:
            raise DataError(
                f"{table.file}: has no column {name!r} to ignore; it has {', '.join(table.columns)}"
            )
    kept = {name: values for name, values in table.columns.items() if name not in ignore}
    return msgspec.structs.replace(table, columns=kept)


def _usable(features: Features) -> tuple[Any, int]:
    """The numbers of the rows that can be scored, and how many cannot."""
    rows = np.setdiff1d(np.arange(len(features.matrix)), list(features.unscorable))
    return rows, len(features.matrix) - rows.size


def _left_out(features: Features, rows: int) -> tuple[str, ...]:
    if not rows:
        return ()
    first = min(features.unscorable)
    return (f"{rows} rows are left out; the first is row {first + 1}: {features.unscorable[first]}",)


# -- pictures and answers ----------------------------------------------------------------------------


def _of_pictures(
    layout: Layout,
    ask: shifts.Model | None,
    values: Matrix,
    parts: Parts,
    counts: Floats | None,
    asking: Callable[[float], None],
) -> Arrays:
    """What clean pictures are like, and how far the answers of their model shift where it may be asked."""
    found = noise.fit(layout, values, parts, counts)
    if ask is not None:
        found |= shifts.fit(ask, layout, values, parts, counts, asking)
    return found


def _of_answers(
    answered: tables.Table, matrix: Matrix, parts: Parts, typical: Arrays, seed: int
) -> tuple[tuple[Field, ...], Arrays, tuple[str, ...]]:
    """Fields of the answers, what is stored of them, and why nothing is when they cannot be scored."""
    try:
        schema, found = answers.fit(answered, matrix, parts, typical["typical"], typical["spread"], seed)
    except DataError as error:
        return (), {}, (f"answers are not scored: {error}",)
    return schema.fields, found, ()


# -- detectors ---------------------------------------------------------------------------------------


def _wanted(detectors: Sequence[str]) -> tuple[Wanted, ...]:
    try:
        found = read(",".join(detectors)) if any(text.strip(" ,") for text in detectors) else ()
    except ValueError as error:
        raise UsageError(f"detectors: the text {error}") from error
    fitting.check(found)
    return found


def _layout(pixels: str) -> Layout | None:
    try:
        return read_layout(pixels) if pixels else None
    except ValueError as error:
        raise UsageError(f"pixels: {error}") from error


def _weights(
    known: Floats | None, recent: Matrix | None, matrix: Matrix, parts: Parts
) -> tuple[Floats | None, tuple[str, ...]]:
    """How much each calibration row counts, and what to say of it."""
    found = None
    if known is not None:
        found = known[parts.calibration]
    elif recent is not None:
        found = weights.towards(matrix[parts.fit], recent, matrix[parts.calibration])
    if found is None:
        return None, ()
    rows = weights.effective(found)
    return found, (f"calibration rows are weighted; they count like {rows:,.0f} rows of one weight",)


def _recent(file: Path | None, table: tables.Table, schema: Schema) -> Matrix | None:
    """Recent rows as detectors see them, those that can be scored."""
    if file is None:
        return None
    recent = tables.read(file)
    missing = [name for name in schema.sources if name not in recent.columns]
    if missing:
        raise DataError(f"{recent.file}: has no column {missing[0]!r}, which {table.file} has")
    features = learning_apart.laid_out(recent, schema)
    usable: Matrix = features.matrix[_usable(features)[0]]
    return usable


def _typical(train: Matrix) -> Arrays:
    """The median of each column and a measure of its spread, never zero: see `sidecar.scoring.explain`."""
    low, median, high = np.quantile(train, (0.25, 0.5, 0.75), axis=0)
    spread = (high - low) / 2
    spread = np.where(spread > 0, spread, train.std(axis=0))
    return {"typical": median, "spread": np.where(spread > 0, spread, 1.0)}


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)
