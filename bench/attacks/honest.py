"""Honest streams in which questions resemble each other: what share is called a sequence? Counterparts:
`bench.attacks.sequences`, whose honest stream goes through a running sidecar; here prints are taken and
compared in this process, with the clock of the stream.

    digits     of MNIST: each caller with all kinds, with one kind, with two; and all of them changed alike
    sets       of ADBench: callers with rows by chance, and with one of ten clusters each

`at one reach`: how many were if a caller's own latest questions had to lie as near as all others'.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.attacks.sequences import CALLERS, TRAINED, percent, table
from examples.processes import ROOT
from sidecar.baseline.fit import fit
from sidecar.exchange import Payload, Tensor
from sidecar.features import lay_out
from sidecar.scoring.baseline import Baseline
from sidecar.sequences import Memory, Walks

SETS = ROOT / "tests" / "data" / "adbench"

SIDE = 28

MOST = 3_000
"""Rows of a set that are asked."""


class Stream(NamedTuple):
    name: str
    rows: Any
    callers: Any
    """A number for each row."""


def main(python: Path, place: Path, quick: bool, only: tuple[str, ...]) -> int:
    subprocess.run([python, ROOT / "bench/attacks/digits.py", place / "digits.npz"], check=True)
    told: list[list[object]] = []
    for part in only or PARTS:
        for baseline, stream in PARTS[part](place, 400 if quick else MOST):
            flagged = [_flagged(baseline, stream, wider) for wider in (False, True)]
            share = percent(flagged[1], len(stream.rows))
            told.append(
                [part, stream.name, len(stream.rows), len(np.unique(stream.callers)), *flagged, share]
            )
            print(*told[-1], file=sys.stderr)
    print(table(["of", "stream", "questions", "callers", "at one reach", "a sequence", "%"], told))
    return 0


def _flagged(baseline: Baseline, stream: Stream, wider: bool) -> int:
    """How many of the questions are called a sequence."""
    printer = baseline.printer
    assert printer is not None
    walks, flagged = Walks(Memory(None), 3600.0), 0
    for tenth, (row, caller) in enumerate(zip(stream.rows, stream.callers, strict=True)):
        payload = Payload("bench", (Tensor("X", np.asarray(row, np.float64)[None]),))
        prints = printer.prints(lay_out(payload, baseline.schema), payload)
        assert prints is not None
        if not wider:
            prints = prints._replace(wider=1.0)
        flagged += walks.update(prints, f"10.0.{caller}.1", 0.1 * tenth + 1.0) is not None
    return flagged


def _learned(place: Path, name: str, rows: Any) -> Baseline:
    np.savez(place / "rows.npz", X=rows)
    return fit(place / "rows.npz", place / f"baseline-{name}", ["hbos"]).baseline


def _digits(place: Path, most: int) -> Iterator[tuple[Baseline, Stream]]:
    with np.load(place / "digits.npz") as found:
        pixels, labels = found["pixels"], found["labels"]
    baseline = _learned(place, "digits", pixels[:TRAINED])
    asked, kinds = pixels[TRAINED:][:most], labels[TRAINED:][:most]
    anyone = np.arange(len(asked)) % CALLERS
    yield baseline, Stream("all kinds from each", asked, anyone)
    yield baseline, Stream("one kind from each", asked, kinds)
    yield baseline, Stream("two kinds from each", asked, kinds // 2)
    for name, change in CHANGES.items():
        changed = np.array([change(picture.reshape(SIDE, SIDE)).ravel() for picture in asked])
        yield baseline, Stream(name, changed, anyone)


def _blurred(width: float) -> Callable[[Any], Any]:
    from scipy import ndimage

    return lambda picture: ndimage.gaussian_filter(picture, width)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "all inverted": lambda picture: 1.0 - picture,
    "all turned by 90 degrees": np.rot90,
    "all dimmed by half": lambda picture: 0.5 * picture,
    "all brighter by 0.3": lambda picture: np.minimum(picture + 0.3, 1.0),
    "all blurred by one pixel": _blurred(1.0),
    "all blurred by two pixels": _blurred(2.0),
}


def _sets(place: Path, most: int) -> Iterator[tuple[Baseline, Stream]]:
    """Rows that are no outliers, each once; half of them are learned from."""
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(5)
    for file in sorted(SETS.glob("*.npz")):
        with np.load(file) as found:
            rows = rng.permutation(np.unique(found["X"][found["y"] == 0].astype(np.float64), axis=0))
        asked = rows[len(rows) // 2 :][:most]
        baseline = _learned(place, file.stem, rows[: len(rows) // 2])
        if baseline.printer is None:
            continue  # too few rows
        scaled = (asked - asked.mean(axis=0)) / np.maximum(asked.std(axis=0), 1e-9)
        clusters = KMeans(10, n_init=2, random_state=0).fit_predict(scaled)
        yield baseline, Stream(f"{file.stem}, by chance", asked, rng.integers(CALLERS, size=len(asked)))
        yield baseline, Stream(f"{file.stem}, a cluster each", asked, clusters)


PARTS = {"digits": _digits, "sets": _sets}
"""What `--only` names -> baselines, and streams that are held against them."""
