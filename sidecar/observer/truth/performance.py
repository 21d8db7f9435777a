"""What is known of one flow's predictions: the window of rows with labels, and its past windows.

Rows are windowed in the order in which their labels came. Until it's decided which output is the prediction,
rows are kept as they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.labels.label import Value
from sidecar.labels.said import Said
from sidecar.observer.truth import realised
from sidecar.observer.truth.prediction import LEAST, Roles, roles
from sidecar.observer.truth.realised import Measured, Rows

HISTORY = 48
"""Past windows kept."""


class Labelled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An answered row with its truth: when it was answered, when its truth was known (Unix seconds)."""

    time: float
    known: float
    codes: bytes
    answer: tuple[Value | None, ...]
    value: Value


class Judged(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The same once it's clear what the prediction is: class numbers or quantities."""

    time: float
    known: float
    codes: bytes
    predicted: float
    truth: float
    scores: tuple[float, ...]


class Past(msgspec.Struct, frozen=True):
    """A window that's over: when its rows were answered, and how good they were."""

    first: float
    last: float
    rows: int
    measures: dict[str, Measured]


class KeptPerformance(msgspec.Struct, frozen=True):
    """A flow's predictions as they're kept on disk."""

    names: tuple[str, ...]
    roles: Roles | None
    note: str
    early: tuple[Labelled, ...]
    window: tuple[Judged, ...]
    past: tuple[Past, ...]
    labelled: int
    unreadable: int
    since_past: int


class Delay(NamedTuple):
    """Seconds from an answer to its label in the window: the median, and what nine in ten are under."""

    median: float
    most: float


class Performance:
    """One flow's predictions and what became of them. `rows`: the length of the window."""

    def __init__(self, rows: int, said: Said) -> None:
        self.names: tuple[str, ...] = ()
        """Of the outputs."""
        self.roles: Roles | None = None
        self.note = "no labels yet"
        """Why there's nothing to see; empty when there is."""
        self.labelled = 0
        """Rows with labels since the start."""
        self.unreadable = 0
        """Of these, rows without a prediction, or with a label that's no class of the model."""
        self.past: list[Past] = []
        self._rows, self._said = rows, said
        self._early: list[Labelled] = []
        self._window: deque[Judged] = deque(maxlen=rows)
        self._since_past = 0

    def update(self, names: tuple[str, ...], labelled: Sequence[Labelled]) -> None:
        """Take in rows whose truth is known now."""
        self.names = names
        self.labelled += len(labelled)
        if self.roles is None:
            self._early += labelled
            self._decide()
            return
        for row in labelled:
            self._judge(self.roles, row)

    def _decide(self) -> None:
        rows = self._early[-self._rows :]
        if len(rows) < min(LEAST, self._rows):
            need = min(LEAST, self._rows)
            self.note = f"{len(rows)} rows have labels; it takes {need} to tell what the prediction is"
            return
        found = roles(self.names, [row.answer for row in rows], [row.value for row in rows], self._said)
        if isinstance(found, str):
            self.note = found
            self._early = rows
            return
        self.roles, self.note, self._early = found, "", []
        for row in rows:
            self._judge(found, row)

    def _judge(self, known: Roles, row: Labelled) -> None:
        read, truth = known.read(row.answer), known.index(row.value)
        if read is None or truth != truth:
            self.unreadable += 1
            return
        self._window.append(Judged(row.time, row.known, row.codes, read[0], truth, read[1]))
        self._since_past += 1
        if self._since_past >= self._rows:
            self._close()

    def _close(self) -> None:
        """The window is full of rows that no past one has seen."""
        times = [row.time for row in self._window]
        past = Past(min(times), max(times), len(times), self.measures())
        self.past = [*self.past, past][-HISTORY:]
        self._since_past = 0

    @property
    def rows(self) -> int:
        """Rows in the window now."""
        return len(self._window)

    def measures(self) -> dict[str, Measured]:
        """How good the window's predictions were."""
        if self.roles is None:
            return {}
        return realised.measures(self.roles.kind, self.window(), len(self.roles.classes))

    def window(self) -> Rows:
        """The window's predictions and their truth."""
        width = len(self.roles.scores) if self.roles is not None else 0
        return Rows(
            np.array([row.predicted for row in self._window]),
            np.array([row.truth for row in self._window]),
            np.array([row.scores for row in self._window], dtype=np.float64).reshape(
                len(self._window), width
            ),
        )

    def between(self) -> tuple[float, float]:
        """When the window's first and last row were answered; 0 and 0 without any."""
        times = [row.time for row in self._window]
        return (min(times), max(times)) if times else (0.0, 0.0)

    def delay(self) -> Delay | None:
        """How late labels come."""
        if not self._window:
            return None
        late: NDArray[np.float64] = np.array([max(0.0, row.known - row.time) for row in self._window])
        median, most = np.quantile(late, (0.5, 0.9))
        return Delay(float(median), float(most))

    def keep(self) -> KeptPerformance:
        """What `restore` needs."""
        return KeptPerformance(
            self.names,
            self.roles,
            self.note,
            tuple(self._early),
            tuple(self._window),
            tuple(self.past),
            self.labelled,
            self.unreadable,
            self._since_past,
        )

    def restore(self, kept: KeptPerformance) -> None:
        """Go on from `kept`."""
        self.names, self.roles, self.note = kept.names, kept.roles, kept.note
        self._early, self.past = list(kept.early), list(kept.past)
        self._window.extend(kept.window)
        self.labelled, self.unreadable = kept.labelled, kept.unreadable
        self._since_past = kept.since_past
