"""Stationary replays: nothing moves, so every alarm is false. Sidecar beside rules in common use and the
defaults of libraries that have them, all on the same windows of the same flows.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import NamedTuple

from scipy import stats

from bench.drift.flows import WINDOWS, Flow, flows
from bench.drift.ours import Tests
from bench.drift.peers import PROMISED, Peers
from bench.drift.rules import RULES, Reference
from sidecar.exchange import Matrix
from sidecar.observer.drift import WINDOWS_PER_FALSE_ALARM

SHORT, OF_WHICH = 100, 10
"""Rows of the short windows, and every how many'th window's first rows are one."""

OURS = "sidecar, any of its tests"


class Seen(NamedTuple):
    """Windows, and those with an alarm, by rule."""

    windows: Counter[str]
    alarms: Counter[str]

    def add(self, rule: str, alarms: int, windows: int) -> None:
        self.windows[rule] += windows
        self.alarms[rule] += alarms


def short(windows: tuple[Matrix, ...]) -> tuple[Matrix, ...]:
    """The short windows of a flow."""
    return tuple(window[:SHORT] for window in windows[::OF_WHICH])


def stationary(
    pools: dict[str, Matrix], each: int, seed: int, libraries: tuple[str, ...], minutes: float
) -> None:
    """So many flows of each set, or as many as there is time for, and then the tables."""
    until = time.monotonic() + 60 * minutes
    ours, long, brief = (Seen(Counter(), Counter()) for _ in range(3))
    with Peers(libraries) as peers:
        for flow in flows(pools, each, seed):
            peers.ask(flow, short(flow.windows))
            alarms = _ours(flow)
            ours.add(flow.set, alarms, WINDOWS)
            long.add(OURS, alarms, WINDOWS)
            reference = Reference(flow.reference)
            for seen, windows in ((long, flow.windows), (brief, short(flow.windows))):
                told = [reference.compared(window) for window in windows]
                peers.check(told)
                for rule, (_, test) in RULES.items():
                    seen.add(rule, sum(map(test, told)), len(windows))
            for rule, counts in peers.told().items():
                for seen, (count, windows) in zip((long, brief), counts, strict=True):
                    seen.add(rule, count, windows)
            print(f"{flow.number + 1} of {each}: {flow.set}: {dict(long.alarms)}", file=sys.stderr)
            if time.monotonic() > until:
                break
    _by_set(pools, ours)
    _by_rule(long, brief, len(pools))
    peers.report()


def _ours(flow: Flow) -> int:
    """Windows of a flow with an alarm."""
    tests, alarms = Tests(flow), 0
    for window in flow.windows:
        if told := tests.window(window):
            alarms += 1
            print(f"an alarm: {flow.set}, flow {flow.number}: {told}", file=sys.stderr)
    return alarms


def _bound(alarms: int, windows: int) -> float:
    """The share that it's below with 95 % confidence (Clopper and Pearson)."""
    return float(stats.beta.ppf(0.95, alarms + 1, windows - alarms)) if windows > alarms else 1.0


def _by_set(pools: dict[str, Matrix], ours: Seen) -> None:
    print("\nStationary replays: windows of 1,000 rows with an alarm of sidecar, nothing having moved\n")
    print(
        f"{'data':22}{'features':>9}{'windows':>9}{'alarms':>8}{'realised':>10}{'95 % below':>12}  promised"
    )
    lines = [
        (name, str(pool.shape[1]), ours.windows[name], ours.alarms[name]) for name, pool in pools.items()
    ]
    for name, features, windows, alarms in (*lines, ("all", "", ours.windows.total(), ours.alarms.total())):
        numbers = f"{alarms / max(1, windows):>10.4%}{_bound(alarms, windows):>12.4%}"
        print(f"{name:22}{features:>9}{windows:>9,}{alarms:>8}{numbers}{1 / WINDOWS_PER_FALSE_ALARM:>10.2%}")


def _by_rule(long: Seen, brief: Seen, sets: int) -> None:
    print(f"\nThe same windows of all {sets} sets, by rule\n")
    heads = "".join(f"{head:>16}" for head in ("windows", "of 1,000 rows", "windows", f"of {SHORT} rows"))
    print(f"{'rule':52}{'promised':>16}{heads}")
    promised = {rule: told for rule, (told, _) in RULES.items()} | PROMISED
    promised[OURS] = f"{1 / WINDOWS_PER_FALSE_ALARM:.2%}"
    ends = ("never", "always")
    for rule in (*(rule for rule in long.windows if rule not in ends), *ends):
        cells = "".join(
            f"{seen.windows[rule]:>16,}{seen.alarms[rule] / seen.windows[rule]:>16.2%}"
            for seen in (long, brief)
            if seen.windows[rule]
        )
        print(f"{rule:52}{promised.get(rule, ''):>16}{cells}")
