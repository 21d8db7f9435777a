"""Sidecar's own rule, on one flow: the three tests that need no labels, fed as the observer feeds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.drift.data import reference
from bench.drift.flows import Flow
from bench.drift.replay import RATE, WINDOW
from sidecar.exchange import Matrix
from sidecar.observer.axes import by_quantiles
from sidecar.observer.classifier import reference as together
from sidecar.observer.drift import Detector
from sidecar.observer.relations import Relations
from sidecar.observer.traffic import TESTS
from sidecar.scoring.bins import Bins

LOOK = 100
"""Rows between looks. At 1,000 calls a second the observer looks at 50 features every 200 rows."""


class Tests:
    """The tests of inputs, their relations and answers; the model answers a sum of its inputs."""

    def __init__(self, flow: Flow) -> None:
        fields = reference(flow.reference)
        random = np.random.default_rng(flow.number)
        self._weights: Any = random.normal(size=len(fields)) / np.maximum(flow.reference.std(axis=0), 1e-9)
        self._bins = Bins(fields)
        known = together(fields, self._bins.within(flow.reference))
        assert known is not None
        first = flow.first @ self._weights
        field = by_quantiles("answer", first)
        self._output_bins = Bins((field,))
        self._inputs = Detector(fields, WINDOW, TESTS)
        self._relations = Relations(fields, known, WINDOW, TESTS)
        self._outputs = Detector((field,), WINDOW, TESTS)
        self._counts = np.zeros(self._bins.size, dtype=np.int64)
        self._answers = self._output_bins.counts(first[:, None])
        self._rows = 0
        self._outputs.begin(WINDOW, self._answers, 0.0)

    def window(self, window: Matrix) -> str:
        """Replay a window; the tests with an alarm at any look."""
        alarmed: dict[str, None] = {}
        for start in range(0, len(window), LOOK):
            rows = window[start : start + LOOK]
            self._rows += len(rows)
            now = self._rows / RATE
            self._counts = self._counts + self._bins.counts(rows)
            self._answers = self._answers + self._output_bins.counts((rows @ self._weights)[:, None])
            self._inputs.update(self._rows, self._counts, now)
            self._relations.update(rows, now)
            self._outputs.update(WINDOW + self._rows, self._answers, now)
            tests = {"inputs": self._inputs, "relations": self._relations, "outputs": self._outputs}
            alarmed.update((name, None) for name, test in tests.items() if test.alarm is not None)
        return " ".join(alarmed)
