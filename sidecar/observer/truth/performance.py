"""What is known of one flow's predictions: the window of rows with labels, its past windows, and whether the
truth is still what it was.

Rows are windowed in the order in which their labels came. Until it's decided which output is the prediction,
rows are kept as they are. Where the baseline has labelled rows, these are what all are compared with; else
the first full window is what later ones are compared with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from sidecar.labels import realised
from sidecar.labels.label import Value
from sidecar.labels.prediction import LEAST, Roles, roles
from sidecar.labels.realised import Measured, Rows
from sidecar.labels.said import Said
from sidecar.observer.drift import Detector, KeptDrift
from sidecar.observer.sequential import STEP
from sidecar.observer.truth.concept import Concept
from sidecar.observer.truth.estimate import estimates
from sidecar.scoring.bins import Counts
from sidecar.scoring.expectation import Answers, Expectation, learn
from sidecar.scoring.validation import Validated

FEWEST = 10
"""Rows of each of two classes in a window that others are compared with."""

Compared: TypeAlias = Literal["", "baseline", "first-window"]
"""What labels are compared with: nothing yet, the baseline's labelled rows, the first full window."""

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
    known: Expectation | None = None
    test: KeptDrift | None = None
    counts: Counts | None = None
    tested: int = 0
    strange: int = 0
    latest: float = 0.0
    compared: Compared = "first-window"


class Delay(NamedTuple):
    """Seconds from an answer to its label in the window: the median, and what nine in ten are under."""

    median: float
    most: float


class Performance:
    """One flow's predictions and what became of them. `rows`: the length of the window; `tests`: how many
    tests share the promise of a flow's; `width`: fields of the reference, each row's codes."""

    def __init__(self, rows: int, said: Said, tests: int = 1, width: int = 0) -> None:
        self.names: tuple[str, ...] = ()
        """Of the outputs."""
        self.roles: Roles | None = None
        self.note = "no labels yet"
        """Why there's nothing to see; empty when there is."""
        self.labelled = 0
        """Rows with labels since the start."""
        self.unreadable = 0
        """Of these, rows without a prediction, or with a label that's no class of the model."""
        self.strange = 0
        """Of these, rows with an input unlike any of the reference's, which say nothing of what moved."""
        self.past: list[Past] = []
        self.known: Expectation | None = None
        """What predictions are expected to turn out to be, once a window of them has labels."""
        self.compared: Compared = ""
        self.unlike = ""
        """Why the baseline's labelled rows are of no use here; empty when they are, or there are none."""
        self.concept: Detector | None = None
        """The test whether the truth is still what was expected. Its times are those of the calls."""
        self.tested = 0
        """Rows that the test has seen."""
        self._counts: Counts = np.zeros(0, dtype=np.int64)
        self._latest = 0.0
        self._tests = tests
        self._width = width
        self._rows, self._said = rows, said
        self._early: list[Labelled] = []
        self._window: deque[Judged] = deque(maxlen=rows)
        self._answered: deque[Judged] = deque(maxlen=rows)
        self._since_past = 0

    def promise(self, names: tuple[str, ...], validated: Validated) -> None:
        """Compare with the baseline's labelled rows from now on, if they speak of outputs so named."""
        if self.known is not None or self.unlike:
            return
        found = validated.roles(names, self._said)
        if isinstance(found, str):
            self.unlike = found
            return
        if found != self.roles:
            self._window.clear()  # classes may have had other numbers
        self.names, self.roles = names, found
        self.note = "" if self._window else "no labels yet"
        self._expect(validated.known, found, "baseline")
        early, self._early = self._early, []
        self._judge(found, early)

    def update(self, names: tuple[str, ...], labelled: Sequence[Labelled]) -> None:
        """Take in rows whose truth is known now."""
        self.names = names
        self.labelled += len(labelled)
        if self.roles is None:
            self._early += labelled
            self._decide()
            return
        self.note = ""
        self._judge(self.roles, labelled)

    def answered(self, time: float, codes: bytes, answers: Sequence[Sequence[Value | None]]) -> None:
        """Take in a call whose truth isn't known; `codes` are the bins of its rows, row after row."""
        if self.roles is None or self.known is None or len(codes) != len(answers) * len(self.known.seen):
            return
        width = len(self.known.seen)
        for i, answer in enumerate(answers):
            read = self.roles.read(answer)
            if read is not None:
                own = codes[i * width : (i + 1) * width]
                self._answered.append(Judged(time, 0.0, own, read[0], 0.0, read[1]))

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
        early, self._early = self._early, []
        self.roles, self.note = found, ""
        self._judge(found, early)

    def _judge(self, roles: Roles, labelled: Sequence[Labelled]) -> None:
        tested: list[Judged] = []
        for row in labelled:
            read, truth = roles.read(row.answer), roles.index(row.value)
            if read is None or truth != truth:
                self.unreadable += 1
                continue
            judged = Judged(row.time, row.known, row.codes, read[0], truth, read[1])
            self._window.append(judged)
            self._since_past += 1
            if self.known is not None:
                tested.append(judged)
            if self._since_past >= self._rows:
                self._close(roles)
        for start in range(0, len(tested), STEP):
            self._test(tested[start : start + STEP])

    def _close(self, roles: Roles) -> None:
        """The window is full of rows that no past one has seen."""
        if self.known is None:
            self._learn(roles)
        times = [row.time for row in self._window]
        past = Past(min(times), max(times), len(times), self.measures())
        self.past = [*self.past, past][-HISTORY:]
        self._since_past = 0

    def _learn(self, roles: Roles) -> None:
        """Learn what to expect from the window."""
        rows = [row for row in self._window if len(row.codes) == self._width]
        truth = np.array([row.truth for row in rows])
        if len(rows) < self._rows / 2:
            return
        if roles.kind == "binary" and min(truth.sum(), (1 - truth).sum()) < FEWEST:
            return
        self._expect(learn(roles.kind, len(roles.classes), _answers(rows), truth), roles, "first-window")

    def _expect(self, known: Expectation, roles: Roles, compared: Compared) -> None:
        """Compare with this from now on."""
        self.compared = compared
        name = self.names[roles.predicted if roles.predicted >= 0 else roles.scores[0]]
        # Rows of one call have one time, and each `STEP` of them is worth a look all the same.
        self.known, self.concept = known, Detector(Concept(name, known), self._rows, self._tests, pause=0.0)
        self._counts, self.tested = np.zeros(known.counts.size, dtype=np.int64), 0

    def forget(self, width: int) -> None:
        """Inputs are told by other bins from now on, those of `width` fields, so what was learned of them is
        of no use, and nothing can be learned from rows by their old bins."""
        self.known, self.concept, self.compared, self.unlike, self._width = None, None, "", "", width
        self._window = deque((msgspec.structs.replace(row, codes=b"") for row in self._window), self._rows)
        self._since_past = 0
        self._answered.clear()

    def _test(self, rows: Sequence[Judged]) -> None:
        assert self.known is not None
        assert self.concept is not None
        self._latest = max(self._latest, *(row.time for row in rows))
        alike = [row for row in rows if len(row.codes) == len(self.known.seen)]
        if alike:
            answers = _answers(alike)
            truth = np.array([row.truth for row in alike])
            expected = self.known.expected_in_turn(answers, self.tested)
            contexts = self.known.contexts(answers, expected)
            cells = contexts * self.known.counts.shape[1] + self.known.outcomes(answers, expected, truth)
            counted = cells[contexts >= 0]
            self._counts = self._counts + np.bincount(counted, minlength=len(self._counts))
            self.tested += len(counted)
            self.strange += len(rows) - len(counted)
            self.concept.update(self.tested, self._counts, self._latest)

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

    def estimated(self) -> dict[str, float]:
        """How good the predictions of the latest answered rows probably are, labels or not."""
        return self._estimated(self._answered)

    def estimated_window(self) -> dict[str, float]:
        """The same for the window's rows, whose truth is known: what the realised values compare with."""
        return self._estimated(self._window)

    @property
    def answered_rows(self) -> int:
        """Latest answered rows that `estimated` speaks of."""
        return len(self._answered)

    def _estimated(self, rows: Iterable[Judged]) -> dict[str, float]:
        if self.known is None:
            return {}
        alike = [row for row in rows if len(row.codes) == len(self.known.seen)]
        return estimates(self.known, _answers(alike)) if alike else {}

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
            self.known,
            self.concept.keep() if self.concept is not None else None,
            self._counts,
            self.tested,
            self.strange,
            self._latest,
            self.compared,
        )

    def restore(self, kept: KeptPerformance) -> None:
        """Go on from `kept`."""
        self.names, self.roles, self.note = kept.names, kept.roles, kept.note
        self._early, self.past = list(kept.early), list(kept.past)
        self._window.extend(kept.window)
        self.labelled, self.unreadable = kept.labelled, kept.unreadable
        self._since_past, self.strange = kept.since_past, kept.strange
        if kept.known is not None and kept.test is not None and kept.counts is not None:
            assert self.roles is not None
            self._expect(kept.known, self.roles, kept.compared)
            assert self.concept is not None
            self.concept.restore(kept.test)
            self._counts, self.tested, self._latest = kept.counts, kept.tested, kept.latest


def _answers(rows: Sequence[Judged]) -> Answers:
    """The rows' predictions as arrays; all have as many inputs."""
    return Answers(
        np.array([row.predicted for row in rows]),
        np.array([row.scores for row in rows], dtype=np.float64).reshape(len(rows), -1),
        np.frombuffer(b"".join(row.codes for row in rows), np.uint8).reshape(len(rows), -1),
    )
