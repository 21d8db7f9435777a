"""A stream into one detector, as the observer feeds it."""

from __future__ import annotations

import numpy as np

from sidecar.exchange import Matrix
from sidecar.observer.axes import Fields
from sidecar.observer.drift import Detector
from sidecar.observer.traffic import TESTS
from sidecar.scoring.bins import Bins

WINDOW, BATCH = 1_000, 25
RATE = 50.0
"""Rows a second of the simulated clock. Fifty features are looked at five times a second at most, so at ten
times this rate a delay is a fifth of a second, which is then a hundred rows."""


class Replay:
    """A stream into one detector, as the observer feeds it."""

    def __init__(self, fields: Fields) -> None:
        self.detector = Detector(fields, WINDOW, TESTS)
        self.bins = Bins(fields)
        self.counts = np.zeros(self.bins.size, dtype=np.int64)
        self.rows = 0

    def until_alarm(self, rows: Matrix, batch: int = BATCH) -> int | None:
        """Rows until an alarm; None when there's none."""
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            self.rows += len(part)
            self.counts = self.counts + self.bins.counts(part)
            self.detector.update(self.rows, self.counts, self.rows / RATE)
            if self.detector.alarm is not None:
                return start + len(part)
        return None
