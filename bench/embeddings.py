"""How soon is it seen that embeddings point elsewhere, and how often where they don't?

    python -m bench.embeddings [--streams 20]      # downloads three packages manpages-* by apt-get

Paragraphs of Debian's manual pages in English, French and German, drawn with replacement. Their embeddings
are of a simple kind: pieces of three to five letters, hashed, and projected to 256 numbers at random; another
seed is another model. Windows have 500 rows. Each stream has a first window and one more in which nothing
happens; then something does, and rows are counted until the alarm, with the cosines (with the mean of the
first ones, and with the nearest of some) and without them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.random_projection import GaussianRandomProjection

from bench.tongues import downloaded
from sidecar.codecs.embedding import measured
from sidecar.observer.drift import Detector
from sidecar.observer.outputs import Embedded, Outputs
from sidecar.observer.truth.truth import TESTS

WINDOW, BATCH, NUMBERS = 500, 10, 256
QUIET = 20
"""Windows of a stream in which nothing happens."""
PATIENCE = 4
"""Windows after which a change counts as unseen."""

Vectors = NDArray[np.float64]


class Model:
    """Embeddings of texts; another `seed` is another model."""

    def __init__(self, seed: int, bias: float = 0.0) -> None:
        """`bias` is added to each number of each embedding: many real models point to one side."""
        self._pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=2**14)
        self._projection = GaussianRandomProjection(NUMBERS, random_state=seed)
        self._bias = bias

    def embeddings(self, texts: list[str]) -> Vectors:
        found: Vectors = self._projection.fit_transform(self._pieces.transform(texts)) + self._bias
        return found


class Stream:
    """The answers of one flow, as the observer has them. `cosine`: whether it looks at that, too."""

    def __init__(self, *, cosine: bool) -> None:
        self._outputs = Outputs(WINDOW, 1e9)
        self._drift: Detector | None = None
        self._cosine = cosine
        self._now = 0.0

    def alarms_at(self, vectors: Vectors) -> int:
        """The row at which there is an alarm, or 0."""
        for at in range(0, len(vectors), BATCH):
            batch = vectors[at : at + BATCH]
            columns = {tensor.name: tensor.data for tensor in measured(batch)}
            self._now += 1.0
            self._outputs.update([Embedded(columns, batch) if self._cosine else columns], self._now)
            window = self._outputs.window
            if window is None or not self._outputs.cut:
                continue
            if self._drift is None:
                self._drift = Detector(window.fields, WINDOW, TESTS)
                self._drift.begin(window.total.rows, window.total.counts, self._now)
            self._drift.update(window.total.rows, window.total.counts, self._now)
            if self._drift.alarm is not None:
                return at + len(batch)
        return 0


def drawn(
    dice: np.random.Generator, known: dict[str, Vectors], shares: dict[str, float], rows: int
) -> Vectors:
    """Embeddings of texts in these languages, in these shares."""
    languages = dice.choice(list(shares), size=rows, p=list(shares.values()))
    return np.array([known[one][dice.integers(len(known[one]))] for one in languages])


BEFORE = {"en": 0.8, "fr": 0.2}
CHANGES = {
    "a tenth in German": {"en": 0.7, "fr": 0.2, "de": 0.1},
    "three tenths in German": {"en": 0.5, "fr": 0.2, "de": 0.3},
    "English and French changed places": {"en": 0.2, "fr": 0.8},
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=20)
    streams = parser.parse_args().streams
    with tempfile.TemporaryDirectory(prefix="sidecar-embeddings-") as directory:
        texts = {one: downloaded(one, Path(directory)) for one in ("en", "fr", "de")}
    print("| | with the cosines: seen, rows until the alarm | without |\n| --- | --- | --- |")
    for bias in (0.0, 0.1):
        ours, others = Model(1, bias), Model(2, bias)
        known = {one: ours.embeddings(some) for one, some in texts.items()}
        foreign = {one: others.embeddings(some) for one, some in texts.items()}
        _quiet(known, streams, bias)
        for what, after in CHANGES.items():
            _line(f"{what}, bias {bias}", known, known, after, streams)
        _line(f"another model, bias {bias}", known, foreign, BEFORE, streams)
    return 0


def _quiet(known: dict[str, Vectors], streams: int, bias: float) -> None:
    alarms = [0, 0]
    for number in range(streams):
        calm = drawn(np.random.default_rng(number), known, BEFORE, (1 + QUIET) * WINDOW)
        for i, cosine in enumerate((True, False)):
            alarms[i] += Stream(cosine=cosine).alarms_at(calm) > 0
    windows = streams * QUIET
    print(f"| nothing, bias {bias}: alarms in {windows} windows | {alarms[0]} | {alarms[1]} |", flush=True)


def _line(
    what: str, known: dict[str, Vectors], then: dict[str, Vectors], after: dict[str, float], streams: int
) -> None:
    told = []
    for cosine in (True, False):
        delays = []
        for number in range(streams):
            dice = np.random.default_rng(1000 + number)
            stream = Stream(cosine=cosine)
            if stream.alarms_at(drawn(dice, known, BEFORE, 2 * WINDOW)):
                continue
            if at := stream.alarms_at(drawn(dice, then, after, PATIENCE * WINDOW)):
                delays.append(at)
        median = f", {statistics.median(delays):.0f}" if delays else ""
        told.append(f"{len(delays)} of {streams}{median}")
    print(f"| {what} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
