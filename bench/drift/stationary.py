"""Stationary replays: rows drawn at random, reference and stream of one law, so that every alarm is false."""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy import stats

from bench.drift.data import REFERENCE, draw, reference
from bench.drift.replay import RATE, WINDOW
from sidecar.exchange import Matrix
from sidecar.observer.axes import by_quantiles
from sidecar.observer.classifier import reference as together
from sidecar.observer.drift import WINDOWS_PER_FALSE_ALARM, Detector
from sidecar.observer.relations import Relations
from sidecar.observer.traffic import TESTS
from sidecar.scoring.bins import Bins

LOOK = 100
"""Rows between looks. At 1,000 calls a second the observer looks at 50 features every 200 rows."""

WINDOWS = 50
"""Windows against one reference."""


def stationary(pools: dict[str, Matrix], seconds: float, seed: int) -> None:
    """Replay until the time is over."""
    print(f"\nStationary replays: windows of {WINDOW:,} rows with an alarm, nothing having moved\n")
    print(
        f"{'data':22}{'features':>9}{'windows':>9}{'alarms':>8}{'realised':>10}{'95 % below':>12}  promised"
    )
    found = []
    for i, (name, pool) in enumerate(pools.items()):
        found.append(_quiet(pool, seconds / len(pools), (seed, i)))
        _line(name, pool.shape[1], *found[-1])
    _line("all", "", *np.sum(found, axis=0).tolist())


def _line(name: str, features: int | str, windows: int, alarms: int) -> None:
    bound = stats.beta.ppf(0.95, alarms + 1, windows - alarms) if windows > alarms else 1.0
    share = alarms / max(1, windows)
    numbers = f"{share:>10.4%}{bound:>12.4%}{1 / WINDOWS_PER_FALSE_ALARM:>10.2%}"
    print(f"{name:22}{features:>9}{windows:>9}{alarms:>8}{numbers}", flush=True)


def _quiet(pool: Matrix, seconds: float, seed: tuple[int, int]) -> tuple[int, int]:
    """Windows seen and alarms raised."""
    random = np.random.default_rng(seed)
    windows = alarms = 0
    until = time.process_time() + seconds
    while time.process_time() < until:
        flow = Tests(pool, random)
        for _ in range(WINDOWS):
            windows += 1
            if told := flow.window(random):
                alarms += 1
                print(f"an alarm of {told}", file=sys.stderr)
                break
            if time.process_time() > until:
                break
    return windows, alarms


class Tests:
    """The three tests of a flow, fed as the observer feeds them; the model answers a sum of its inputs."""

    def __init__(self, pool: Matrix, random: np.random.Generator) -> None:
        rows = draw(pool, REFERENCE, random)
        fields = reference(rows)
        self._pool = pool
        self._weights = random.normal(size=pool.shape[1]) / np.maximum(pool.std(axis=0), 1e-9)
        self._bins = Bins(fields)
        self._inputs = Detector(fields, WINDOW, TESTS)
        known = together(fields, self._bins.within(rows))
        assert known is not None
        self._relations = Relations(fields, known, WINDOW, TESTS)
        first = draw(pool, WINDOW, random) @ self._weights
        field = by_quantiles("answer", first)
        self._output_bins = Bins((field,))
        self._outputs = Detector((field,), WINDOW, TESTS)
        self._counts = np.zeros(self._bins.size, dtype=np.int64)
        self._answers = self._output_bins.counts(first[:, None])
        self._rows = 0
        self._outputs.begin(WINDOW, self._answers, 0.0)

    def window(self, random: np.random.Generator) -> str:
        """Replay a window; which test alarmed, if any."""
        for _ in range(WINDOW // LOOK):
            rows = draw(self._pool, LOOK, random)
            self._rows += LOOK
            now = self._rows / RATE
            self._counts = self._counts + self._bins.counts(rows)
            self._answers = self._answers + self._output_bins.counts((rows @ self._weights)[:, None])
            self._inputs.update(self._rows, self._counts, now)
            self._relations.update(rows, now)
            self._outputs.update(WINDOW + self._rows, self._answers, now)
            for name, test in (
                ("inputs", self._inputs),
                ("relations", self._relations),
                ("outputs", self._outputs),
            ):
                if test.alarm is not None:
                    return name
        return ""
