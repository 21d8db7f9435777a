"""All windows: for every model, version and route those of its inputs, its outputs and its calls.

Bounded in number and in bytes, whatever model names and paths callers make up: what finds no place goes to
one common window of calls, and is counted.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from typing import Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np

from sidecar.exchange import Alike, Matrix, Record
from sidecar.observer import answers, calls
from sidecar.observer.axes import Fields
from sidecar.observer.callers import Callers
from sidecar.observer.classifier import Reference, reference
from sidecar.observer.drift import Detector, KeptDrift
from sidecar.observer.exemplars import Exemplars
from sidecar.observer.oddness import Oddness
from sidecar.observer.outputs import KeptOutputs, Outputs
from sidecar.observer.relations import KeptRelations, Relations
from sidecar.observer.routes import OVERFLOW, Key, key
from sidecar.observer.truth.performance import Performance
from sidecar.observer.truth.truth import TESTS, Truth
from sidecar.observer.windows import Kept, Window
from sidecar.scoring.sample import Binned
from sidecar.scoring.validation import Validated
from sidecar.tasks import step_aside

KEYS = 32
"""Models, versions and routes that are told apart."""

WINDOW_BYTES = 32 * 1024 * 1024
"""Bytes of all input windows and their tests together. A window that would go beyond is not opened."""


REASONS = 50
"""Latest calls of a flow of which it's kept why they weren't scored."""


_VERDICT: Callable[[Record], tuple[int, str]] = attrgetter("status", "verdict")
_ROWS: Callable[[Record], int] = attrgetter("rows")
_FLAGGED: Callable[[Record], tuple[int, ...]] = attrgetter("flagged")


ENDED = 2 * KEYS
"""Closed flows that wait for whoever wants them."""

Why: TypeAlias = Literal["other-version", "made-room"]
"""Why windows were closed: a whole window of rows, or its time, went to another version and none to this one;
or it was idle for longest when there was no room for a new one."""


class KeptFlow(msgspec.Struct, frozen=True):
    """One flow as it is kept on disk."""

    key: Key
    last: float
    verdicts: tuple[tuple[int, str, int], ...]
    rows: int
    flagged: int
    calls: Kept
    inputs: Kept | None
    drift: KeptDrift | None
    outputs: KeptOutputs | None
    output_drift: KeptDrift | None = None
    relations: KeptRelations | None = None
    opened: float = 0.0
    elsewhere: int = 0
    reasons: tuple[tuple[float, str], ...] = ()


class Ended(NamedTuple):
    """A flow whose windows were closed, and why."""

    key: Key
    flow: Flow
    why: Why


class Flow:
    """The windows of one model, version and route."""

    def __init__(self, rows: int, seconds: float) -> None:
        self.calls = Window(calls.FIELDS, rows, seconds)
        self.inputs: Window | None = None
        self.drift: Detector | None = None
        """The test of the inputs, as old as their window."""
        self.relations: Relations | None = None
        """The test of how the inputs hang together, where the baseline has rows to learn that from."""
        self.outputs = Outputs(rows, seconds)
        self.output_drift: Detector | None = None
        """The test of the outputs, since their first window was full."""
        self.performance: Performance | None = None
        """What became of the answers; kept by `Traffic.truth`."""
        self.reasons: deque[tuple[float, str]] = deque(maxlen=REASONS)
        """When the latest calls were heard of, and why they weren't scored; empty where they were."""
        self.exemplars = Exemplars()
        """Traced calls by how long they took, since the start of this process."""
        self.verdicts: Counter[tuple[int, str]] = Counter()
        """Calls by status and verdict, since the start."""
        self.rows = 0
        self.flagged = 0
        self.opened = 0.0
        self.last = 0.0
        self.elsewhere = 0
        """Rows that went to other versions of the model since the last call."""


class Traffic:
    """Every flow, by key. `fields` and `digest` are the reference's, empty without one."""

    def __init__(self, rows: int, seconds: float, truth: Truth | None = None) -> None:
        self.flows: dict[Key, Flow] = {}
        self.fields: Fields = ()
        self.digest = ""
        self._together: Reference | None = None
        self._input_bytes = 0
        """Bytes that the input windows of one flow may grow to, with their tests; 0 before any was opened."""
        self.left_out: Counter[str] = Counter()
        """Why something heard has no place in a window: reason -> calls."""
        self._rows = rows
        self._seconds = seconds
        self.oddness = Oddness()
        """How odd each answer is to its question; a part of what the ration pays for."""
        self.truth = truth if truth is not None else Truth(rows)
        """What turned out to be true of the answers; also paid for by the ration."""
        self.callers = Callers()
        """Who asks how."""
        self._ration = answers.Ration()
        self.ended: deque[Ended] = deque(maxlen=ENDED)
        """Closed flows, which `sidecar.observer.history` takes away."""

    def adopt(
        self,
        fields: Fields,
        digest: str,
        binned: Binned | None = None,
        validated: Validated | None = None,
    ) -> None:
        """Keep input windows against this reference from now on; those of another one end. `binned` are some
        of its rows by their bins, `validated` what is known of those with labels."""
        if digest != self.digest:
            self.fields, self.digest = fields, digest
            self._together = reference(fields, binned) if binned is not None else None
            self._input_bytes = 0
            self.truth.adopt(fields, digest, validated)
            self.callers.adopt(fields, digest)
            for flow in self.flows.values():
                flow.inputs = flow.drift = flow.relations = None

    def update(self, records: Sequence[Record], now: float) -> None:
        """Take in finished calls."""
        self.callers.update(records)
        groups = self._groups(records)
        most = self._ration.most(max(1, len(groups)))
        for found, group in groups.items():
            flow = self._flow(found, group, now)
            self._update(flow, group, now)
            step_aside()
            self._read_outputs(found, flow, group, now, most)
            step_aside()
            self._update_outputs(flow, now)
        for found, group in groups.items():
            self._leave(found, sum(map(_ROWS, group)), groups, now)

    def update_alike(self, alike: Iterable[Alike], now: float) -> None:
        """Take in calls that are told in brief: all but their answers, which are a sample anyway."""
        known = [(self._known(key(one.record)), one) for one in alike]
        for found, one in known:
            self.callers.update_alike(one)
            records = [one.record] * one.calls
            flow = self._flow(found, records, now)
            self._update_alike(flow, one, records, now)
            step_aside()
        called = {found for found, _ in known}
        for found, one in known:
            self._leave(found, one.rows, called, now)

    def _groups(self, records: Sequence[Record]) -> dict[Key, list[Record]]:
        by_key: dict[Key, list[Record]] = {}
        for record in records:
            by_key.setdefault(key(record), []).append(record)
        groups: dict[Key, list[Record]] = {}
        for found, group in by_key.items():
            groups.setdefault(self._known(found), []).extend(group)
        return groups

    def _known(self, found: Key) -> Key:
        """Where a call goes that failed before the model could say its version: to the latest one."""
        if found.version:
            return found
        others = [one for one in self.flows if one.version and one[::2] == found[::2]]
        return max(others, key=lambda one: self.flows[one].last, default=found)

    def _leave(self, called: Key, rows: int, spared: Collection[Key], now: float) -> None:
        """Close the windows of versions that gave way to the one that was called. While some calls still
        come, as in a canary, both stay."""
        for other, flow in list(self.flows.items()):
            if other in spared or other[::2] != called[::2]:
                continue
            flow.elsewhere += rows
            if flow.elsewhere >= self._rows or now - flow.last > self._seconds:
                self._end(other, "other-version")

    def _end(self, key: Key, why: Why) -> None:
        self.ended.append(Ended(key, self.flows.pop(key), why))

    def _update(self, flow: Flow, records: list[Record], now: float) -> None:
        flow.last, flow.elsewhere = now, 0
        flow.verdicts.update(map(_VERDICT, records))
        flow.exemplars.update(records)
        flow.rows += sum(map(_ROWS, records))
        flow.flagged += sum(map(len, map(_FLAGGED, records)))
        if flow is not self.flows.get(OVERFLOW):  # that one is full of calls to what nobody serves
            flow.reasons.extend((now, r.reason) for r in records[-REASONS:])
        flow.calls.update(calls.matrix(records), now)
        step_aside()
        inputs = self._inputs(records)
        if inputs is not None:
            self._update_inputs(flow, inputs, records, now)

    def _update_alike(self, flow: Flow, alike: Alike, records: list[Record], now: float) -> None:
        flow.last, flow.elsewhere = now, 0
        flow.verdicts[_VERDICT(alike.record)] += alike.calls
        flow.rows += alike.rows
        if flow is not self.flows.get(OVERFLOW):
            flow.reasons.extend((now, r.reason) for r in records[-REASONS:])
        flow.calls.update(calls.matrix_of_alike(alike), now)
        inputs = self._block(alike)
        if inputs is not None:
            self._update_inputs(flow, inputs, records, now)

    def _update_outputs(self, flow: Flow, now: float) -> None:
        """Look at what the model answers, once there is something to compare it with."""
        window = flow.outputs.window
        if window is None or not flow.outputs.cut:
            return
        if flow.output_drift is None:
            flow.output_drift = Detector(window.fields, self._rows, TESTS)
            # The rows so far are the reference, and say nothing for or against it.
            flow.output_drift.begin(window.total.rows, window.total.counts, now)
        flow.output_drift.update(window.total.rows, window.total.counts, now)

    def _read_outputs(self, found_key: Key, flow: Flow, records: list[Record], now: float, most: int) -> None:
        began = time.thread_time()
        found = answers.read_each(records, self.left_out, most)
        flow.outputs.update([answer for _, answer in found], now)
        self.oddness.update(found)
        self.callers.answered(found)
        if flow is self.flows.get(found_key):  # and not in the common window of what found no place
            self.truth.update(found_key, found, now)
            flow.performance = self.truth.flows.get(found_key)
        self._ration.update(len(found), time.thread_time() - began)

    def _flow(self, found: Key, records: list[Record], now: float) -> Flow:
        """The flow of a key. Only an answer that wasn't refused opens one: anybody can make up a name."""
        flow = self.flows.get(found)
        if flow is not None:
            return flow
        if found != OVERFLOW and (all(r.status >= 400 for r in records) or not self._room(now)):
            self.left_out["flow-limit" if len(self.flows) >= KEYS else "refused"] += len(records)
            return self._flow(OVERFLOW, records, now)
        flow = self.flows[found] = Flow(self._rows, self._seconds)
        flow.opened = now
        return flow

    def _room(self, now: float) -> bool:
        """Whether one more flow may be kept; the one idle for longest gives way when its window is over."""
        if len(self.flows) < KEYS:
            return True
        idle = min(self.flows, key=lambda found: self.flows[found].last)
        if now - self.flows[idle].last <= self._seconds:
            return False
        self._end(idle, "made-room")
        return True

    def _inputs(self, records: list[Record]) -> Matrix | None:
        """The rows of all calls that were laid out against the reference we have."""
        width = len(self.fields)
        if not width:
            return None
        blocks = [r.features for r in records if r.features and r.baseline == self.digest]
        whole = [block for block in blocks if len(block) % (8 * width) == 0]
        stale = sum(1 for r in records if r.features) - len(whole)
        if stale:
            self.left_out["other-baseline"] += stale
        if not whole:
            return None
        return np.frombuffer(b"".join(whole), dtype="<f8").reshape(-1, width)

    def _block(self, alike: Alike) -> Matrix | None:
        """The rows of calls that were laid out alike, if that was against the reference we have."""
        width = len(self.fields)
        if not width or not alike.features:
            return None
        if alike.record.baseline != self.digest or len(alike.features) % (8 * width):
            self.left_out["other-baseline"] += alike.calls
            return None
        return np.frombuffer(alike.features, dtype="<f8").reshape(-1, width)

    def _update_inputs(self, flow: Flow, inputs: Matrix, records: list[Record], now: float) -> None:
        if flow.inputs is None:
            self._open_inputs(flow)
        if flow.inputs is None or flow.drift is None:
            self.left_out["window-limit"] += sum(r.baseline == self.digest for r in records if r.features)
            return
        flow.inputs.update(inputs, now)
        flow.drift.update(flow.inputs.total.rows, flow.inputs.total.counts, now)
        if flow.relations is not None:
            step_aside()
            flow.relations.update(inputs, now)

    def _open_inputs(self, flow: Flow) -> None:
        """Begin the windows of a flow's inputs, if there's room for them."""
        others = sum(1 for other in self.flows.values() if other.inputs is not None)
        if not others or (others + 1) * self._bytes_of_inputs() <= WINDOW_BYTES:
            flow.inputs, flow.drift, flow.relations = self._tests_of_inputs()

    def _bytes_of_inputs(self) -> int:
        """What the windows of one flow's inputs may grow to. Found out once: to make them takes long where
        there are many fields, and a flow that finds no room asks with every batch."""
        if not self._input_bytes:
            window, drift, relations = self._tests_of_inputs()
            more = relations.bytes if relations is not None else 0
            self._input_bytes = window.bytes + drift.bytes + more
        return self._input_bytes

    def _tests_of_inputs(self) -> tuple[Window, Detector, Relations | None]:
        known = self._together
        return (
            Window(self.fields, self._rows, self._seconds),
            Detector(self.fields, self._rows, TESTS),
            Relations(self.fields, known, self._rows, TESTS) if known is not None else None,
        )

    def keep(self) -> tuple[KeptFlow, ...]:
        """What `restore` needs."""
        return tuple(
            KeptFlow(
                found,
                flow.last,
                tuple((status, verdict, count) for (status, verdict), count in flow.verdicts.items()),
                flow.rows,
                flow.flagged,
                flow.calls.keep(),
                flow.inputs.keep() if flow.inputs is not None else None,
                flow.drift.keep() if flow.drift is not None else None,
                flow.outputs.keep(),
                flow.output_drift.keep() if flow.output_drift is not None else None,
                flow.relations.keep() if flow.relations is not None else None,
                flow.opened,
                flow.elsewhere,
                tuple(flow.reasons),
            )
            for found, flow in self.flows.items()
        )

    def restore(self, kept: Sequence[KeptFlow]) -> None:
        """Go on from a snapshot. Input windows of another reference than the adopted one are left."""
        for old in kept:
            flow = self.flows[old.key] = Flow(self._rows, self._seconds)
            flow.performance = self.truth.flows.get(old.key)
            flow.last, flow.rows, flow.flagged = old.last, old.rows, old.flagged
            flow.opened, flow.elsewhere = old.opened, old.elsewhere
            flow.reasons.extend(old.reasons)
            flow.verdicts = Counter({(status, verdict): count for status, verdict, count in old.verdicts})
            if old.calls.fields == calls.FIELDS:
                flow.calls.restore(old.calls)
            if old.inputs is not None and old.drift is not None and old.inputs.fields == self.fields:
                flow.inputs, flow.drift, flow.relations = self._tests_of_inputs()
                flow.inputs.restore(old.inputs)
                flow.drift.restore(old.drift)
                if flow.relations is not None and old.relations is not None:
                    flow.relations.restore(old.relations)
            if old.outputs is not None:
                flow.outputs.restore(old.outputs)
            if old.output_drift is not None and flow.outputs.window is not None:
                flow.output_drift = Detector(flow.outputs.window.fields, self._rows, TESTS)
                flow.output_drift.restore(old.output_drift)
