"""Plays the programme to the model through the sidecar, at a steady rate, and counts what comes back."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence

from examples.demo.admin import Admin
from examples.demo.findings import Latency, Traces
from examples.demo.programme import Call, Phase
from examples.demo.screen import Screen, View
from examples.demo.stage import Stage
from examples.demo.tally import Seen, Tally
from examples.flight import Rows
from examples.traffic import Answer, Caller, interleaved, traceparent

TRACE_EVERY = 50
"""One call in so many carries a sampled trace, which must then arrive at the collector."""

LOOK_EVERY = 0.25
"""Seconds between two looks at how things stand."""


class Player:
    """One run of the programme: `play` all of it, and ask for the rest. `rate` is in calls a second."""

    def __init__(self, stage: Stage, programme: Sequence[Phase], rate: float, screen: Screen) -> None:
        self._stage, self._programme, self._rate, self._screen = stage, programme, rate, screen
        self._left = list(programme)
        self._admin = Admin(stage.sidecar.admin_url)
        self._seen: dict[str, Seen] = {}
        self._latest: Answer | None = None
        self._odd: Answer | None = None
        self._asked = 0
        self._sampled: list[str] = []

    def play(self, until: str = "") -> dict[str, Seen]:
        """Play what is left of the programme, up to a phase: what was seen of each so far, by its name."""
        with Caller(self._stage.sidecar.url) as caller:
            while self._left and self._left[0].name != until:
                self._play(self._left.pop(0), caller)
        return self._seen

    def latency(self, rows: Rows) -> Latency:
        """Medians of the same calls to the model and through the sidecar, in turn, one for each row."""
        with Caller(self._stage.model.url) as model, Caller(self._stage.sidecar.url) as sidecar:
            sides = [lambda i, side=side: side.infer(rows[i, None]).seconds for side in (model, sidecar)]
            return Latency(*interleaved(sides, len(rows)))

    def traces(self, patience: float = 10.0) -> Traces:
        """How many of the sampled traces have arrived; waits some seconds for the last ones."""
        limit = time.monotonic() + patience
        while True:
            complete = sum(map(self._stage.collector.complete, self._sampled))
            if complete == len(self._sampled) or time.monotonic() > limit:
                return Traces(len(self._sampled), complete)
            time.sleep(0.1)

    def pages(self) -> dict[str, bool]:
        """Admin page -> whether it answers."""
        return self._admin.pages()

    def _play(self, phase: Phase, caller: Caller) -> None:
        tally, look = Tally(phase.name), 0.0
        for call in _paced(phase.calls, self._rate):
            answer = self._ask(call, caller)
            tally.update(call, answer)
            if time.monotonic() >= look:
                self._show(tally)
                look = time.monotonic() + LOOK_EVERY
            if phase.until_scored and answer is not None and answer.score is not None:
                break
        self._show(tally)

    def _ask(self, call: Call, caller: Caller) -> Answer | None:
        """One call; None when no answer came."""
        headers: dict[str, str] = {}
        self._asked += 1
        if self._asked % TRACE_EVERY == 0:
            trace, headers = traceparent()
            self._sampled.append(trace)
        try:
            self._latest = caller.infer(call.row, headers)
        except (OSError, http.client.HTTPException):
            return None
        if self._latest.verdict == "outlier":
            self._odd = self._latest
        return self._latest

    def _show(self, tally: Tally) -> None:
        seen = tally.snapshot()
        self._seen[seen.phase] = seen
        self._screen.show(View(self._programme, self._seen, self._latest, self._odd, self._admin.inputs()))


def _paced(calls: Sequence[Call], rate: float) -> Iterator[Call]:
    """The calls, each not before its time; late ones follow at once."""
    began = time.monotonic()
    for i, call in enumerate(calls):
        time.sleep(max(0.0, began + i / rate - time.monotonic()))
        yield call
