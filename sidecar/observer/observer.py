"""The observer's whole state. A batch goes in; orders, snapshots and everything the console shows come out.

No I/O but one: a baseline's directory is read when a data plane says that it scores with it. Counterparts:
`sidecar.observer.hearing` feeds it, `sidecar.console` shows it and wires both together.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sidecar.errors import BaselineError
from sidecar.exchange import Alike, Outbound, Record, Shadowed
from sidecar.features import Schema
from sidecar.labels.said import said
from sidecar.link import Batch, Drift, Order, Progress, Swap
from sidecar.observer.alerts import Alert, Standing, alerts_of
from sidecar.observer.briefs import together
from sidecar.observer.canary import Canary
from sidecar.observer.cohorts import Cohorts, KeptCohorts
from sidecar.observer.edges import Edges, KeptEdges
from sidecar.observer.exchanges import Exchanges
from sidecar.observer.history import History, KeptHistory
from sidecar.observer.learning import KeptLearning, Learning
from sidecar.observer.lineage import Lineage
from sidecar.observer.paired import KeptSubject, Paired
from sidecar.observer.policy_alerts import KeptPolicyAlerts, PolicyAlerts
from sidecar.observer.refit import KeptRefit, Refit, Refused, Rows
from sidecar.observer.refit import rows as rows_to_learn
from sidecar.observer.routes import Key
from sidecar.observer.tools import Tools
from sidecar.observer.traffic import KeptFlow, Traffic
from sidecar.observer.truth.truth import KeptTruth, Truth
from sidecar.observer.verdict import Verdict, verdict
from sidecar.observer.versions import Versions
from sidecar.observer.workers import Totals, Worker, Workers
from sidecar.scoring import baseline as baselines
from sidecar.scoring import validation
from sidecar.settings import Settings
from sidecar.tasks import step_aside

log = logging.getLogger(__name__)


SHADOWED_KEPT = 100
"""Answers of other models that are listed."""

ONSET_SECONDS = 30.0
"""By how much two onsets may be mistaken about which came first."""


class State(msgspec.Struct, frozen=True):
    """The observer as it is kept on disk."""

    starts: int
    records: int
    baseline: str
    digest: str
    gone: Totals
    workers: tuple[Worker, ...]
    flows: tuple[KeptFlow, ...]
    left_out: dict[str, int]
    exchanges: tuple[Record, ...]
    learning: KeptLearning
    cohorts: KeptCohorts | None = None
    edges: KeptEdges | None = None
    history: KeptHistory | None = None
    truth: KeptTruth | None = None
    paired: tuple[KeptSubject, ...] = ()
    alerts: tuple[Alert, ...] = ()
    refit: KeptRefit | None = None
    policy_alerts: KeptPolicyAlerts | None = None
    given: str = ""
    """Digest of the baseline that the settings named."""


class Observer:
    """Everything that is remembered of one sidecar's traffic. Used on one event loop only."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.started = clock()
        self.starts = 1
        """How many times an observer was started over this state: 1 and its restarts."""
        self.records = 0
        self.brief = 0
        """Of these, those told in brief, since this process started."""
        self.busy_seconds = 0.0
        """Time spent on taking records in."""
        self.workers = Workers()
        self.exchanges = Exchanges(settings.kept_exchanges)
        self.truth = Truth(
            settings.window_rows, settings.label_horizon, settings.label_bytes, said(settings.prediction)
        )
        self.traffic = Traffic(settings.window_rows, settings.window_seconds, self.truth)
        self.versions = Versions(settings.model_version_header, settings.model_version)
        self.history = History()
        self.alerts = alerts_of(settings)
        self.cohorts = Cohorts(settings.cohort_seconds)
        self.edges = Edges(os.environ.get("OTEL_SERVICE_NAME") or settings.service_name)
        self.lineage = Lineage(
            lambda record, origin: self.edges.update_origin(record, origin.service, origin.odd), clock
        )
        self.tools = Tools(
            self.edges.update_asked,
            lambda record, asking: self.edges.update_returned(record, asking.tool, asking.odd),
            clock,
        )
        self.canary = Canary(settings.canary_seconds > 0 and not settings.redact)
        self.lineage.listening = bool(settings.peers)
        self.paired = Paired(settings.pair_rows, self.traffic.left_out, self.lineage)
        self.learning = Learning(settings.learn_rows)
        self.policy_alerts = PolicyAlerts()
        self.shadowed: deque[Shadowed] = deque(maxlen=SHADOWED_KEPT)
        """The latest answers of other models that were not as the model's, newest first."""
        self.refit = Refit(settings.refit_seconds, self.started)
        self.run_dir: Path | None = None
        """Where policies are handed over, once there is one."""
        self.baseline = ""
        """Directory of the baseline whose reference the windows are kept against."""
        self.baseline_error = ""
        self.detectors: tuple[str, ...] = ()
        self.wanted = ""
        """The same with their parameters, as they were asked for."""
        self.calibration_rows = 0
        self.finest_p = 1.0
        """Of the baseline: a threshold below flags nothing."""
        self.schema: Schema | None = None
        """Of the baseline, to show features by name."""
        if settings.baseline:
            self._adopt(settings.baseline)
        self.given = self.traffic.digest
        """Digest of the baseline that the settings name; empty where there's none that can be read."""

    # -- hearing -----------------------------------------------------------------------------------

    def connected(self, worker: int) -> None:
        """A data plane connected."""
        self.workers.connected(worker)

    def gone(self, worker: int) -> None:
        """A data plane's connection was lost."""
        self.workers.gone(worker)

    def hear(self, batch: Batch) -> None:
        """Take in what a data plane says of itself; its records come by `take_in`."""
        refused_before = self.workers.refused(batch.worker)
        self.workers.update(batch, self.clock())
        self.shadowed.extendleft(batch.shadowed)
        if batch.refused and batch.refused != refused_before:
            self._swap_refused(batch.refused)
        if self._is_news(batch.baseline):
            self._adopt(batch.baseline)

    def take_in(self, records: Sequence[Record]) -> None:
        """Take in finished exchanges."""
        began = time.perf_counter()
        self.records += len(records)
        records = self.versions.named(records)
        self.exchanges.update(records)
        self.policy_alerts.update(records, self.clock())
        step_aside()
        self.traffic.update(records, self.clock())
        self.history.update(self.traffic, self.clock())
        step_aside()
        self.cohorts.update(records, self.clock(), self.traffic.oddness.taken())
        self.edges.update(records)
        self.tools.update(records)
        self.paired.update(records)
        self.canary.update(records)
        if self.is_learning:
            self.learning.update(records)
        self.busy_seconds += time.perf_counter() - began

    def take_in_alike(self, alike: Sequence[Alike]) -> None:
        """Take in finished exchanges that are told in brief. What looks at single ones, as the pairs, the
        answers and the lists do, goes by those that come whole."""
        began = time.perf_counter()
        told = sum(one.calls for one in alike)
        self.records += told
        self.brief += told
        records = self.versions.named([one.record for one in alike])
        alike = together(
            msgspec.structs.replace(one, record=record) for one, record in zip(alike, records, strict=True)
        )
        self.traffic.update_alike(alike, self.clock())
        self.cohorts.update_alike(alike, self.clock())
        self.edges.update_alike(alike)
        self.busy_seconds += time.perf_counter() - began

    def take_outbound(self, outbound: Sequence[Outbound]) -> None:
        """Take in finished calls of the model's own."""
        self.edges.update_outbound(outbound)

    # -- saying ------------------------------------------------------------------------------------

    @property
    def is_learning(self) -> bool:
        """Whether a baseline is still to be learned: none was given and none is in use."""
        return not self.settings.baseline and self.learning.phase != "learned"

    def orders(self) -> tuple[Order, ...]:
        """What every data plane should be told now, one order of each kind."""
        orders: list[Order] = []
        if self.is_learning:
            orders.append(Progress(min(self.learning.seen, self.learning.need), self.learning.need))
        elif self.refit.baseline or self.learning.baseline:
            orders.append(Swap(self.refit.baseline or self.learning.baseline))
        if self.traffic.fields:
            orders.append(Drift(self.drift_state()))
        return tuple(orders)

    def verdicts(self) -> list[tuple[Key, Verdict]]:
        """The verdict on each flow, drifts first, the strongest evidence ahead."""
        found = [(key, verdict(flow)) for key, flow in self.traffic.flows.items()]
        return sorted(found, key=lambda one: -one[1].evidence)

    def standing(self) -> list[tuple[Key, Verdict | Standing]]:
        """Everything that somebody might be told of: verdicts, and rules that alert."""
        return [*self.verdicts(), *self.policy_alerts.standing(self.clock())]

    def drift_state(self) -> str:
        """The value of `x-drift-state` (RFC 9651: a token with parameters; `since` is a Date)."""
        if not self.traffic.fields:
            return "unknown"
        moved = [found for _, found in self.verdicts() if found.subject]
        if not moved:
            return "stable"
        first = moved[0]
        if earlier := self.earlier_model(first.since):
            return f'upstream; model="{_quotable(earlier)}"; since=@{int(first.since)}'
        return f'{first.name}; {first.part}="{_quotable(first.subject)}"; since=@{int(first.since)}'

    def earlier_model(self, since: float) -> str:
        """The model that a drift of ours since then comes from, as models that feed us tell; empty if none
        of them drifted before."""
        feeds = {edge.source for edge in self.edges.counts if edge.target == self.edges.service}
        known = [
            one
            for name, one in self.lineage.peers.items()
            if one.drifted_since and (name in feeds or one.service in feeds)
        ]
        first = min(known, key=lambda one: one.drifted_since, default=None)
        if first is None or first.drifted_since > since + ONSET_SECONDS or first.origin == self.edges.service:
            return ""
        return first.origin or first.service

    def drifting_since(self) -> float:
        """The onset of the drift that is told in `x-drift-state`, in Unix seconds; 0 without one."""
        moved = [found for _, found in self.verdicts() if found.subject] if self.traffic.fields else []
        return moved[0].since if moved else 0.0

    # -- the baseline ------------------------------------------------------------------------------

    def _is_news(self, directory: str) -> bool:
        """Whether a data plane tells of the first baseline heard of, or of the one that was ordered. (While a
        swap is under way, some of several workers still tell of the old one.)"""
        if directory in ("", self.baseline):
            return False
        return not self.baseline or directory == (self.refit.baseline or self.learning.baseline)

    def check_quiet(self) -> None:
        """Raises Refused while a drift is told: what is learned then would take it for normal."""
        state = self.drift_state()
        if state != "stable":
            raise Refused(f"the drift state is {state}, and nothing is learned but from stable traffic")

    def rows_to_refit(self) -> Rows:
        """What a new baseline is to be learned from. Raises Refused."""
        if self.schema is None:
            raise Refused("there is no baseline yet that another could take the place of")
        self.check_quiet()
        threshold = self.settings.threshold
        kept = self.cohorts
        reference = self.traffic.oddness.reference
        answers = reference.schema if reference is not None else None
        return rows_to_learn(kept.clean, kept.flagged, self.schema, threshold, self._quiet_since(), answers)

    def _quiet_since(self) -> float:
        """When the last alarm that has ended did, in Unix seconds; 0 without one."""
        tests = [test for flow in self.traffic.flows.values() for test in (flow.drift, flow.output_drift)]
        return max((past.ended for test in tests if test is not None for past in test.history), default=0.0)

    def _adopt(self, directory: str) -> None:
        """Keep windows against the reference of this baseline from now on."""
        self.baseline = directory
        try:
            found = baselines.load(Path(directory))
            validated = validation.load(Path(directory))
        except BaselineError as error:
            log.error("no input windows, because the baseline cannot be read: %s", error)
            self.baseline_error = str(error)
            return
        self.baseline_error = ""
        self.detectors, self.wanted = found.detectors, found.wanted
        self.calibration_rows = found.calibration_rows
        self.finest_p = found.finest_p
        self.schema = found.schema
        self.traffic.adopt(found.reference, found.digest, found.binned, validated)
        self.traffic.oddness.adopt(directory, found.schema, found.digest, self.settings.threshold)
        self.cohorts.adopt(directory, found.schema, found.digest)
        if not self.settings.baseline:
            self.learning.fitted(directory)

    def _swap_refused(self, reason: str) -> None:
        log.error("a data plane refused the baseline: %s", reason)
        if self.refit.baseline and self.refit.baseline != self.baseline:
            self.refit.undone(f"a data plane refused it: {reason}", self.clock())
            return
        if self.learning.phase == "learned" and not self.settings.baseline:
            self.learning.failed(f"the data plane refused the baseline: {reason}")

    # -- snapshots ---------------------------------------------------------------------------------

    def keep(self) -> State:
        """The whole state, as a value."""
        gone, workers = self.workers.keep()
        return State(
            self.starts,
            self.records,
            self.baseline,
            self.traffic.digest,
            gone,
            workers,
            self.traffic.keep(),
            dict(self.traffic.left_out),
            self.exchanges.snapshot(),
            self.learning.keep(),
            self.cohorts.keep(),
            self.edges.snapshot(),
            self.history.keep(),
            self.truth.keep(),
            self.paired.keep(),
            alerts=self.alerts.keep(),
            refit=self.refit.keep(),
            policy_alerts=self.policy_alerts.keep(),
            given=self.given,
        )

    def restore(self, state: State) -> None:
        """Go on from a snapshot, as far as what it speaks of is still there."""
        self.starts, self.records = state.starts + 1, state.records
        self.workers.restore(state.gone, state.workers)
        self.exchanges.restore(state.exchanges)
        self.learning.restore(state.learning)
        if self.learning.baseline and not Path(self.learning.baseline).is_dir():
            self.learning.failed("the learned baseline is gone from the run directory")
        if state.refit is not None:
            self.refit.restore(state.refit)
        if self.given and state.given and self.given != state.given:
            # Somebody fitted another one, so what was learned beside the old one has had its day.
            self.refit.baseline = ""
        ours = self.refit.baseline or not self.settings.baseline
        if state.baseline and ours and Path(state.baseline).is_dir():
            self._adopt(state.baseline)
        self.traffic.left_out.update(state.left_out)
        if state.truth is not None:
            self.truth.restore(state.truth)
        self.traffic.restore(state.flows)
        if state.cohorts is not None:
            self.cohorts.restore(state.cohorts)
        if state.edges is not None:
            self.edges.merge(state.edges)
        self.alerts.restore(state.alerts)
        if state.policy_alerts is not None:
            self.policy_alerts.restore(state.policy_alerts)
        if state.history is not None:
            self.history.restore(state.history)
        self.paired.restore(state.paired)


def _quotable(text: str) -> str:
    """`text` as the inside of a structured-field string: printable ASCII, quote and backslash escaped."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    shown = "".join(char if " " <= char <= "~" else "?" for char in plain)
    return shown.replace("\\", "\\\\").replace('"', '\\"')
