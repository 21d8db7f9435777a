"""`sidecar fit`: arguments, a progress bar on a terminal, and the outcome in plain sentences.

Importing this is cheap; PyOD is imported when the work begins. Counterpart: `sidecar.cli`.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.errors import UsageError

if TYPE_CHECKING:
    from sidecar.baseline.fit import Progress, Summary
    from sidecar.scoring.artifact import Fitted, Validation

DETECTORS = "ecod,knn-500"

DATA = """\
training data: .csv (header line, then rows), .jsonl (an object or an array a line), .parquet, or .npz (the
matrix X, column names in `columns` if any; other arrays, such as y, are not used; leave known outliers out).
Give what the model was trained on, or clean traffic: at least 40 rows, better 1,000 and more"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar fit`."""
    add = parser.add_argument
    add("--data", metavar="FILE", type=Path, required=True, help=DATA)
    add(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="the baseline: a directory that doesn't exist yet",
    )
    add(
        "--detectors",
        metavar="DETECTORS",
        default=DETECTORS,
        help="of PyOD, comma-separated, with its parameters if need be: lof,abod(n_neighbors=5)"
        " [default: %(default)s]",
    )
    add(
        "--ignore",
        metavar="COLUMNS",
        default="",
        help="columns the model doesn't get, such as the label or an id",
    )
    add(
        "--outputs",
        metavar="COLUMNS",
        default="",
        help="columns that hold what the model answered to the row; NAME* stands for all that begin so",
    )
    add(
        "--label",
        metavar="COLUMN",
        default="",
        help="a column that holds what turned out to be true, beside --outputs; empty where that isn't known,"
        " and in rows that the model was trained on",
    )
    add(
        "--prediction",
        metavar="WHICH",
        default="",
        help="which output is the prediction, if that isn't plain: class=label,score=p[1],positive=yes or"
        " value=price",
    )
    add(
        "--weights",
        metavar="COLUMN",
        default="",
        help="a column that says how much a row counts in p-values, because rows were drawn unevenly",
    )
    add(
        "--towards",
        metavar="FILE",
        type=Path,
        help="recent clean rows, when the training data has aged: p-values are weighted towards them",
    )
    add(
        "--pixels",
        metavar="HEIGHTxWIDTH",
        default="",
        help="the columns are a picture, row by row: 28x28, 32x32x3, 3x32x32; then noise is looked at",
    )
    add(
        "--ask",
        metavar="URL",
        default="",
        help="of the model, such as http://127.0.0.1:8080/v1/models/m:predict: it's asked how far its answers"
        " shift when pictures are squeezed, for rules about inconsistent.p. Needs --pixels",
    )
    add(
        "--ask-like",
        metavar="FILE",
        type=Path,
        help='a request\'s body as clients send it, of one picture [default: {"instances": [[...]]}]',
    )
    add(
        "--like",
        metavar="DIR",
        type=Path,
        help="a baseline whose fields the columns are: a refit reads dates, ids and texts as that one",
    )
    add(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="shuffles the rows and grows the forest; below 2**32 [default: 0]",
    )
    add("--force", action="store_true", help="replace the baseline that is there")
    add("--quiet", action="store_true", help="say nothing unless something is wrong")


def run(arguments: argparse.Namespace) -> int:
    """Fit, and say what came of it. Raises SidecarError when it cannot be done; else returns 0."""
    if arguments.weights and arguments.towards:
        raise UsageError("--weights and --towards both say how much rows count; give one of them")
    if arguments.like and (arguments.pixels or arguments.towards):
        raise UsageError(
            "--like takes over how pictures are laid out, and has no columns to weigh by; leave"
            " --pixels and --towards out"
        )
    if arguments.ask and not arguments.pixels:
        raise UsageError("--ask is about pictures; say --pixels, too")
    from sidecar.baseline.fit import fit  # late: this imports PyOD
    from sidecar.baseline.shifts import Model

    with _progress(arguments.quiet) as progress:
        summary = fit(
            arguments.data,
            arguments.out,
            [arguments.detectors],
            seed=arguments.seed,
            ignore=_names(arguments.ignore),
            outputs=_names(arguments.outputs),
            label=arguments.label,
            prediction=arguments.prediction,
            weights_column=arguments.weights,
            towards=arguments.towards,
            pixels=arguments.pixels,
            ask=Model(arguments.ask, arguments.ask_like) if arguments.ask else None,
            like=arguments.like,
            replace=arguments.force,
            progress=progress,
        )
    if not arguments.quiet:
        print("\n".join(sentences(summary)))
    return 0


def _seed(text: str) -> int:
    """A seed as numpy takes it."""
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {2**32 - 1}")
    return int(text)


def sentences(summary: Summary) -> list[str]:
    """The outcome, for a person."""
    from sidecar.baseline.promise import sentence  # late: this imports SciPy

    manifest, baseline = summary.manifest, summary.baseline
    split = manifest.split
    lines = [
        f"Read {split.rows:,} rows of {manifest.source}: {_fields(summary)}.",
        f"Fitted on {split.fit:,} rows, calibrated on {split.standard + split.calibration:,} others"
        f" (seed {split.seed}).",
    ]
    lines += [_held_to(entry, manifest.pyod) for entry in manifest.detectors]
    lines.append(sentence(summary.held_out, baseline.finest_p))
    if manifest.pixels:
        lines.append(f"Pictures of {manifest.pixels} pixels: their noise is looked at.")
    if manifest.validation is not None:
        lines.append(_how_good(manifest.validation))
    lines += [f"Note: {note}." for note in summary.notes]
    if baseline.finest_p > 0.01:
        lines.append("Note: that is coarser than the usual threshold of 0.01. Give at least 200 rows.")
    lines.append(f"Saved as {baseline.directory} ({baseline.digest}).")
    return lines


def _held_to(entry: Fitted, pyod: str) -> str:
    """What was seen of one detector."""
    name = f"{entry.name} is {entry.wanted}" if entry.name != (entry.wanted or entry.name) else entry.name
    if entry.apart:
        return (
            f"{name}: scored by PyOD {pyod} in its worker, fitted on {entry.rows:,} rows;"
            f" fitted twice, it scored {entry.compared} rows alike."
        )
    return (
        f"{name}: equal to PyOD {pyod} on {entry.compared} rows"
        f" (largest relative difference {entry.difference:.2g})."
    )


def _how_good(told: Validation) -> str:
    """What the model is compared with once labels come."""
    measures = (
        f"{name} {value:.4g} ({low:.4g} to {high:.4g})" for name, (value, low, high) in told.measures.items()
    )
    return f"How good the model was on {told.rows:,} labelled rows: {', '.join(measures)}."


def _fields(summary: Summary) -> str:
    fields = summary.baseline.schema.fields
    plural = {"number": "numbers", "boolean": "booleans", "category": "categories", "constant": "constants"}
    counts = {kind: sum(field.kind == kind for field in fields) for kind in plural}
    named = [f"{count} {kind if count == 1 else plural[kind]}" for kind, count in counts.items() if count]
    return f"{len(fields)} field{'s' if len(fields) != 1 else ''} ({', '.join(named)})"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """A progress bar where there is a terminal to draw it on."""
    if quiet or not sys.stderr.isatty():
        yield lambda doing, share: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share, refresh=True)
