"""What windows and tests cost the observer, by the number of rows that come at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bench.drift.data import REFERENCE, draw, fifty, reference
from bench.drift.replay import WINDOW
from sidecar.exchange import Matrix
from sidecar.observer.classifier import reference as together
from sidecar.observer.drift import STARTS, Detector
from sidecar.observer.relations import Relations
from sidecar.observer.traffic import TESTS
from sidecar.observer.windows import Window
from sidecar.scoring.bins import Bins

BATCHES = (25, 100, 500)

RATE = 1_000.0
"""Rows a second: so many that it matters what one costs."""

CALLS = 12
"""Calls timed together: some of them only put their rows aside for the next."""


def cost(seconds: float) -> None:
    """Microseconds a row for 50 features, and milliseconds for a look at all tests. Medians."""
    random = np.random.default_rng(0)
    pool = fifty()
    rows = draw(pool, REFERENCE, random)
    fields = reference(rows)
    bins = Bins(fields)
    known = together(fields, bins.within(rows))
    assert known is not None
    print("\nCost with 50 features: microseconds a row, CPU, median\n")
    print(f"{'rows at once':14}{'windows':>10}{'relations':>11}{'both':>8}   wanted: 20")
    for batch in BATCHES:
        window = Window(fields, WINDOW, 3600.0)
        relations = Relations(fields, known, WINDOW, TESTS)
        new = draw(pool, batch, random)
        each = [
            _median(_calls(test, new), seconds / 6) / (CALLS * batch) * 1e6 for test in (window, relations)
        ]
        print(f"{batch:<14}{each[0]:>10.1f}{each[1]:>11.1f}{sum(each):>8.1f}")
    detector, relations = Detector(fields, WINDOW, TESTS), Relations(fields, known, WINDOW, TESTS)
    counts = np.zeros(bins.size, dtype=np.int64)
    for i in range(3 * STARTS):
        new = draw(pool, 25, random)
        counts = counts + bins.counts(new)
        detector.update(25 * (i + 1), counts, 10.0 * i)
        relations.update(new, 10.0 * i)
    at = 25 * 3 * STARTS

    def look(i: int) -> None:
        detector.update(at + 10 * (i + 1), counts, 10_000.0 + 10.0 * i)

    print(f"\nA look at 50 features since {STARTS} moments: {_median(look, seconds / 4) * 1e3:.1f} ms")
    learn = _median(lambda i: relations._learn(), seconds / 4) * 1e3
    print(f"Learning another classifier of their relations: {learn:.1f} ms. Wanted of all: 50 ms")


def _calls(test: Window | Relations, rows: Matrix) -> Callable[[int], object]:
    """Some updates with these rows, as the clock goes."""

    def calls(i: int) -> None:
        for j in range(i * CALLS, (i + 1) * CALLS):
            test.update(rows, j * len(rows) / RATE)

    return calls


def _median(work: Callable[[int], object], seconds: float) -> float:
    """Seconds of CPU that a call takes."""
    took = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(took) < 5:
        began = time.process_time()
        work(len(took))
        took.append(time.process_time() - began)
    return float(np.median(took))
