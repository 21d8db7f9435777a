"""What each data plane process last said of itself, and totals that survive its restart.

A data plane tells running totals, so a lost frame loses no count. When a worker comes back under another
pid its totals begin again at nothing: those of the old one are put aside and added.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from sidecar.link import Batch, Counters, Shadow

STALE_SECONDS = 5.0
"""A worker that was silent for so long is no longer counted on; it sends a sign of life each second."""


class Worker(msgspec.Struct, frozen=True):
    """One data plane process. `heard` is when it last spoke (Unix seconds)."""

    worker: int
    pid: int
    heard: float
    counters: Counters
    upstream: str
    draining: bool
    baseline: str
    refused: str
    policies: str = ""
    policies_refused: str = ""
    signs: tuple[str, ...] = ()


class Totals(msgspec.Struct, frozen=True):
    """Counts that only grow, over all data planes there have been."""

    calls: int = 0
    failed: dict[str, int] = {}
    records_dropped: int = 0
    records_dropped_bytes: int = 0
    rule_hits: dict[str, int] = {}
    rule_errors: dict[str, int] = {}
    shadows: dict[str, Shadow] = {}
    squeezed: dict[str, int] = {}

    def plus(self, counters: Counters) -> Totals:
        """These and one process's."""
        failed = Counter(self.failed)
        failed.update(counters.failed)
        return Totals(
            self.calls + counters.calls,
            dict(failed),
            self.records_dropped + counters.records_dropped,
            self.records_dropped_bytes + counters.records_dropped_bytes,
            dict(Counter(self.rule_hits) + Counter(counters.rule_hits)),
            dict(Counter(self.rule_errors) + Counter(counters.rule_errors)),
            {
                rule: self.shadows.get(rule, Shadow()).plus(counters.shadows.get(rule, Shadow()))
                for rule in self.shadows | counters.shadows
            },
            dict(Counter(self.squeezed) + Counter(counters.squeezed)),
        )


class Health(msgspec.Struct, frozen=True):
    """Whether calls get an answer, told apart: our part and the model's. `reasons` is empty when ready."""

    data_plane: Literal["up", "draining", "down"]
    upstream: str
    workers: int
    reasons: tuple[str, ...]


class Workers:
    """All data plane processes, by number."""

    def __init__(self) -> None:
        self._workers: dict[int, Worker] = {}
        self._connected: Counter[int] = Counter()
        self._gone = Totals()

    def connected(self, worker: int) -> None:
        """A connection of this worker's was opened."""
        self._connected[worker] += 1

    def gone(self, worker: int) -> None:
        """A connection of this worker's was lost."""
        self._connected[worker] -= 1

    def refused(self, worker: int) -> str:
        """Why this worker refused a swap when it was last heard; empty when it didn't."""
        known = self._workers.get(worker)
        return known.refused if known is not None else ""

    def update(self, batch: Batch, now: float) -> None:
        """Take in what a data plane says of itself."""
        old = self._workers.get(batch.worker)
        if old is not None and (old.pid != batch.pid or old.counters.calls > batch.counters.calls):
            self._gone = self._gone.plus(old.counters)
        self._workers[batch.worker] = Worker(
            batch.worker,
            batch.pid,
            now,
            batch.counters,
            batch.upstream,
            batch.draining,
            batch.baseline,
            batch.refused,
            batch.policies,
            batch.policies_refused,
            batch.signs,
        )

    def current(self, now: float) -> list[Worker]:
        """The workers that are connected and speak, by number."""
        return [
            worker
            for number, worker in sorted(self._workers.items())
            if self._connected[number] > 0 and now - worker.heard <= STALE_SECONDS
        ]

    def totals(self) -> Totals:
        """Over all processes, those that are gone too."""
        totals = self._gone
        for worker in self._workers.values():
            totals = totals.plus(worker.counters)
        return totals

    def health(self, now: float) -> Health:
        """Whether at least one worker takes calls and can reach the model."""
        workers = self.current(now)
        serving = [worker for worker in workers if not worker.draining]
        if not serving:
            reason = "every worker is draining" if workers else "no data plane worker is connected"
            return Health("draining" if workers else "down", "unknown", len(workers), (reason,))
        states = {worker.upstream for worker in serving}
        state = next((state for state in ("up", "unknown") if state in states), "down")
        reasons = ("the model server cannot be reached",) if state == "down" else ()
        return Health("up", state, len(workers), reasons)

    def keep(self) -> tuple[Totals, tuple[Worker, ...]]:
        """What `restore` needs."""
        return self._gone, tuple(self._workers.values())

    def restore(self, gone: Totals, workers: tuple[Worker, ...]) -> None:
        """Go on from a snapshot; nobody is connected yet."""
        self._gone = gone
        self._workers = {worker.worker: worker for worker in workers}
